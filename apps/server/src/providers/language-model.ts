import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModel } from 'ai';
import type { AiSdkRunnerOptions } from '../agent/adapters/ai-sdk/ai-sdk-runner.ts';
import type { ModelEndpoint } from './endpoint.ts';

/** Enough for the longest file an agent should write in one call, and a bound on what a lost answer costs. */
const MAX_OUTPUT_TOKENS = 32_000;

/**
 * A model of the AI SDK with the options that fit it. Keys are always given, so that the SDK reads no environment.
 * OpenAI itself is spoken to in its Responses API: its newer models refuse tools together with reasoning in chat
 * completions (https://developers.openai.com/api/docs/guides/responses-vs-chat-completions). Everything compatible is
 * spoken to in chat completions.
 * @param endpoint where the model is called
 * @param modelId the provider's own id
 * @param isOpenAi true for OpenAI itself
 */
export function languageModel(
  endpoint: ModelEndpoint,
  modelId: string,
  isOpenAi: boolean,
): Pick<AiSdkRunnerOptions, 'model' | 'providerOptions' | 'maxOutputTokens'> {
  const { baseUrl: baseURL, apiKey } = endpoint;
  if (endpoint.format === 'anthropic') {
    return {
      model: createAnthropic({ baseURL, apiKey: apiKey ?? '' })(modelId),
      maxOutputTokens: MAX_OUTPUT_TOKENS,
      ...(thinksAdaptively(modelId)
        ? { providerOptions: { anthropic: { thinking: { type: 'adaptive', display: 'summarized' } } } }
        : {}),
    };
  }
  if (!isOpenAi) return { model: compatible(baseURL, apiKey, modelId) };
  return {
    model: createOpenAI({ baseURL, apiKey: apiKey ?? '' }).responses(modelId),
    // The conversation is kept here and sent whole each time, reasoning sealed inside; nothing is left with OpenAI.
    providerOptions: { openai: { store: false } },
  };
}

function compatible(baseURL: string, apiKey: string | null, modelId: string): LanguageModel {
  const provider = createOpenAICompatible({
    name: 'openai-compatible',
    baseURL,
    includeUsage: true,
    ...(apiKey === null ? {} : { apiKey }),
  });
  return provider(modelId);
}

/**
 * Whether a Claude decides itself how much to think (4.6 and later; earlier ones refuse the option). Newer ones show
 * their thinking only when they are asked to.
 */
function thinksAdaptively(modelId: string): boolean {
  return /claude-(opus|sonnet)-4-[6-9]|claude-[a-z]+-([5-9]|\d\d)(-|$)/.test(modelId);
}
