import type { ModelInfo, ProviderId } from '@shadow/protocol';
import { PRICED_MODELS, type Pricing, pricingOf } from '../agent/pricing.ts';
import { PROVIDERS } from './endpoint.ts';

/** Models that tasks get when they name none, by provider. */
export const PREFERRED_MODELS = {
  anthropic: 'anthropic/claude-opus-5-5',
  openai: 'openai/gpt-5.4',
} as const;

/** Models shown of a provider that is not configured: enough to see what there would be. */
const SHOWN_UNAVAILABLE = 4;

/** Models of OpenAI's listing that cannot be agents: other media, other uses. */
const NO_AGENT =
  /audio|realtime|image|tts|transcribe|embedding|instruct|search|moderation|whisper|dall-e|sora/;

/**
 * Models of a hosted provider: its own listing where it is known, else the known ones.
 * @param provider whose
 * @param listed ids of its listing; null when unknown
 * @param configured whether it can be called
 */
export function hostedModels(
  provider: 'anthropic' | 'openai',
  listed: readonly string[] | null,
  configured: boolean,
): ModelInfo[] {
  const known = PRICED_MODELS.filter((id) => id.startsWith(`${provider}/`));
  if (!configured) return known.slice(0, SHOWN_UNAVAILABLE).map((id) => unavailable(id, provider));
  const fitting = (listed ?? []).filter((id) => provider === 'anthropic' || isOpenAiAgent(id));
  if (fitting.length === 0) return known.map((id) => available(id, provider));
  return fitting.map((id) => available(`${provider}/${id}`, provider));
}

function isOpenAiAgent(id: string): boolean {
  return /^(gpt-|o\d)/.test(id) && !NO_AGENT.test(id);
}

/**
 * Models of an endpoint that lists them itself.
 * @param provider also the first part of their ids
 * @param listed ids of its listing; null when unknown
 * @param price what their calls cost; null when unknown
 */
export function listedModels(
  provider: string,
  listed: readonly string[] | null,
  price: Pricing | null,
): ModelInfo[] {
  const chat = (listed ?? []).filter((id) => !/embed/i.test(id));
  return chat.map((id) => available(`${provider}/${id}`, provider, id, price));
}

/** A model that can be called. */
export function available(
  id: string,
  provider: string,
  name = id.slice(id.indexOf('/') + 1),
  price: Pricing | null = pricingOf(id),
): ModelInfo {
  return {
    id,
    name,
    provider,
    available: true,
    unavailableReason: null,
    pricing:
      price === null ? null : { input: price.input, output: price.output, cachedInput: price.cachedInput },
  };
}

function unavailable(id: string, provider: ProviderId): ModelInfo {
  const { howToConfigure } = PROVIDERS[provider];
  return { ...available(id, provider), available: false, unavailableReason: howToConfigure };
}
