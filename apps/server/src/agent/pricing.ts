import type { Usage } from '@shadow/protocol';

/** US dollars per million tokens. */
interface Price {
  input: number;
  output: number;
  /** Input read from the provider's cache. */
  cachedInput: number;
  /** Input written to the provider's cache (Anthropic, five minutes); default the price of input. */
  cacheWrite?: number;
}

/** A model's price; some charge every token of a request more when its prompt is long. */
export interface Pricing extends Price {
  longPrompt?: { aboveTokens: number; price: Price };
}

/** Tokens of one model call as the SDK counts them: `input` holds the cached and the written ones too. */
export interface TokenCounts {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  reasoning: number;
}

function anthropic(input: number, output: number, cachedInput = input * 0.1): Price {
  return { input, output, cachedInput, cacheWrite: input * 1.25 };
}

function openai(input: number, output: number, cachedInput: number): Price {
  return { input, output, cachedInput };
}

/**
 * Public list prices of the standard tier (platform.claude.com/docs/en/about-claude/pricing and
 * developers.openai.com/api/docs/pricing), entered in November 2026 and not
 * checked against an invoice: prices change. Discounts and surcharges of an account are not in them.
 */
const LIST_PRICES: Readonly<Record<string, Pricing>> = {
  'anthropic/claude-fable-5-1': anthropic(10, 50),
  'anthropic/claude-opus-5-5': anthropic(4, 20, 0.2),
  'anthropic/claude-opus-5': anthropic(5, 25),
  'anthropic/claude-opus-4-8': anthropic(5, 25),
  'anthropic/claude-opus-4-7': anthropic(5, 25),
  'anthropic/claude-opus-4-6': anthropic(5, 25),
  'anthropic/claude-opus-4-5': anthropic(5, 25),
  'anthropic/claude-sonnet-5-5': anthropic(2, 10, 0.1),
  'anthropic/claude-sonnet-5': anthropic(2, 10),
  'anthropic/claude-sonnet-4-6': anthropic(3, 15),
  'anthropic/claude-sonnet-4-5': anthropic(3, 15),
  'anthropic/claude-haiku-5-5': {
    ...anthropic(0.1, 0.5),
    longPrompt: { aboveTokens: 100_000, price: anthropic(0.5, 2.5) },
  },
  'anthropic/claude-haiku-4-5': anthropic(1, 5),
  'openai/gpt-5.4': openai(2.5, 15, 0.25),
  'openai/gpt-5.4-mini': openai(0.75, 4.5, 0.075),
  'openai/gpt-5.2': openai(1.75, 14, 0.175),
  'openai/gpt-5.1': openai(1.25, 10, 0.125),
  'openai/gpt-5': openai(1.25, 10, 0.125),
  'openai/gpt-5-mini': openai(0.25, 2, 0.025),
  'openai/gpt-5-nano': openai(0.05, 0.4, 0.005),
  'openai/gpt-4.1': openai(2, 8, 0.5),
  'openai/gpt-4.1-mini': openai(0.4, 1.6, 0.1),
};

/** What nobody bills: scripts, and endpoints that ask for no key. */
export const FREE: Pricing = { input: 0, output: 0, cachedInput: 0, cacheWrite: 0 };

/** Models with a known price, newest first within a provider. */
export const PRICED_MODELS: readonly string[] = Object.keys(LIST_PRICES);

/**
 * The list price of a model, also of its dated snapshots (`claude-haiku-4-5-20251001`, `gpt-5-2025-08-07`).
 * Null when it is not known: the cost of its calls is then null too, and a budget cannot be kept with it, so the
 * runner refuses to begin a turn with one rather than spend without a bound.
 * @param modelId `provider/model`
 */
export function pricingOf(modelId: string): Pricing | null {
  return (
    LIST_PRICES[modelId] ?? LIST_PRICES[modelId.replace(/-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$/, '')] ?? null
  );
}

/**
 * Usage of one model call with its cost.
 * @param tokens what the provider counted
 * @param pricing the model's price, or null when unknown
 */
export function usageOf(tokens: TokenCounts, pricing: Pricing | null): Usage {
  return {
    inputTokens: tokens.input,
    outputTokens: tokens.output,
    cachedTokens: tokens.cacheRead,
    reasoningTokens: tokens.reasoning,
    costUsd: pricing === null ? null : costOf(tokens, pricing),
  };
}

function costOf(tokens: TokenCounts, pricing: Pricing): number {
  const { longPrompt } = pricing;
  const price =
    longPrompt !== undefined && tokens.input > longPrompt.aboveTokens ? longPrompt.price : pricing;
  const fresh = Math.max(0, tokens.input - tokens.cacheRead - tokens.cacheWrite);
  const dollars =
    fresh * price.input +
    tokens.cacheRead * price.cachedInput +
    tokens.cacheWrite * (price.cacheWrite ?? price.input) +
    tokens.output * price.output;
  return dollars / 1_000_000;
}
