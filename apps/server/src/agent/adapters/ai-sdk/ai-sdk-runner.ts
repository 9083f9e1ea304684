import type { LanguageModel } from 'ai';
import type { AgentRunner, RunServices, Turn, TurnOutcome } from '../../contract.ts';
import { type Pricing, usageOf } from '../../pricing.ts';
import { type NextStep, runSteps, type Step, type StepRequest } from '../../steps.ts';
import type { Redact } from '../../tools/redact.ts';
import { duration } from '../../tools/text.ts';
import { callModel, type ModelAnswer, type ModelCall, type ProviderOptions } from './model-call.ts';
import { type ProviderFailure, readProviderFailure } from './provider-errors.ts';
import { RetryBudget, type RetryClock, realRetryClock } from './retry.ts';

/** Answers in a row that may be cut off before the turn fails. */
const MAX_CUTS = 2;

const CUT_DELAY_MS = 1000;

/** What an ai-sdk runner is made from. */
export interface AiSdkRunnerOptions {
  model: LanguageModel;
  /** Name of the provider for people: "Anthropic". */
  providerName: string;
  /** Null when the price is not known; see pricingOf. */
  pricing: Pricing | null;
  providerOptions?: ProviderOptions;
  /** Tokens that one answer may have; default the provider's. */
  maxOutputTokens?: number;
  /** Takes the provider's key out of messages. */
  redact?: Redact;
  clock?: RetryClock;
}

/**
 * An agent that a model plays, one call a step, through the AI SDK. Rate limits and overload are waited out where the
 * person sees it, an answer that is cut off is kept and gone on with, and every failure ends the turn with its code.
 *
 * A budget needs a price: with a model whose price is not known a turn that has one fails before its first call.
 */
export function createAiSdkRunner(options: AiSdkRunnerOptions): AgentRunner {
  return {
    name: 'ai-sdk',
    async run(turn: Turn, services: RunServices): Promise<TurnOutcome> {
      if (turn.remainingBudgetUsd !== null && options.pricing === null) return noPrice(turn.model);
      return runSteps(turn, services, nextStep(options, turn, services));
    },
  };
}

function noPrice(model: string): TurnOutcome {
  return {
    status: 'failed',
    error: {
      code: 'UNSUPPORTED',
      message: `The price of ${model} is not known, so a budget cannot be kept with it. Choose a model with a known price, or create the task without a budget.`,
    },
  };
}

function nextStep(options: AiSdkRunnerOptions, turn: Turn, services: RunServices): NextStep {
  const call: ModelCall = {
    model: options.model,
    systemPrompt: turn.systemPrompt,
    tools: services.gate.tools,
    providerOptions: options.providerOptions,
    maxOutputTokens: options.maxOutputTokens,
  };
  let cuts = 0;
  return async (request) => {
    const step = await answerWithRetries(options, call, request, services);
    if (step.status !== 'failed') {
      cuts = 0;
      return step;
    }
    if (step.retry !== true) return step;
    cuts += 1;
    if (cuts > MAX_CUTS) return { ...step, retry: false };
    await notice(services, `${step.error.message} Asking again (${cuts} of ${MAX_CUTS}).`);
    await (options.clock ?? realRetryClock).sleep(CUT_DELAY_MS * cuts, request.signal);
    return step;
  };
}

/** Asks until there is an answer, or part of one, or waiting is no longer worth it. */
async function answerWithRetries(
  options: AiSdkRunnerOptions,
  call: ModelCall,
  request: StepRequest,
  services: RunServices,
): Promise<Step> {
  const { signal } = request;
  const budget = new RetryBudget(options.clock ?? realRetryClock);
  const redact = options.redact ?? ((text: string) => text);
  for (;;) {
    const answer = await callModel(call, request, services.journal);
    const usage = answer.tokens === null ? null : usageOf(answer.tokens, options.pricing);
    const partial = { parts: answer.parts, usage };
    if (signal.aborted) return { status: 'stopped', ...partial };
    const failure = failureOf(answer, options.providerName);
    if (failure === null) return finish(answer, partial, options, services);
    failure.message = redact(failure.message);
    const error = { code: failure.code, message: failure.message };
    // What was said stays said: the next try goes on from there instead of saying it again.
    if (answer.parts.length > 0) return { status: 'failed', ...partial, error, retry: failure.retryable };
    const delay = budget.nextDelay(failure);
    if (delay === null) return { status: 'failed', ...partial, error };
    await notice(services, `${failure.message} Trying again in ${duration(delay)}.`);
    await (options.clock ?? realRetryClock).sleep(delay, signal);
    if (signal.aborted) return { status: 'stopped', ...partial };
  }
}

function failureOf(answer: ModelAnswer, provider: string): ProviderFailure | null {
  if (answer.failure !== undefined) return readProviderFailure(answer.failure, provider, answer.started);
  if (
    answer.finishReason !== null &&
    answer.finishReason !== 'error' &&
    answer.finishReason !== 'interrupted'
  ) {
    return null;
  }
  return readProviderFailure(new Error('it ended early'), provider, true);
}

async function finish(
  answer: ModelAnswer,
  partial: Pick<Step, 'parts' | 'usage'>,
  options: AiSdkRunnerOptions,
  services: RunServices,
): Promise<Step> {
  if (answer.finishReason === 'content-filter') {
    const message = `${options.providerName} declined to answer this request.`;
    return { status: 'failed', ...partial, error: { code: 'PROVIDER_FAILED', message } };
  }
  if (answer.finishReason === 'length') {
    await notice(services, 'The answer was cut at its largest length.');
  }
  return { status: 'finished', ...partial };
}

async function notice({ journal }: RunServices, message: string): Promise<void> {
  await journal.append({ type: 'notice', level: 'warning', message });
}
