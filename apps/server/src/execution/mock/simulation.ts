import { setTimeout as delay } from 'node:timers/promises';
import { type CallOptions, type ErrorCode, failure, ShadowError, unwrap } from '@shadow/protocol';
import { cancelled } from '@shadow/workspace/semantics';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';

/** Names of the operations of a ToolExecutor. */
export type OperationName = Exclude<keyof ToolExecutor, 'capabilities' | 'close'>;

/** Which calls fail. */
export interface SimulatedFailures {
  /** The operation that fails; every one by default. */
  operation?: OperationName;
  /** The next so many calls fail, then none. Either this or `rate`. */
  times?: number;
  /** Share of calls that fail, 0 to 1, chosen by the seed. */
  rate?: number;
  /** What they fail with; default UNAVAILABLE. */
  code?: ErrorCode;
  /** The same seed chooses the same calls; default 1. */
  seed?: number;
}

interface Rule extends SimulatedFailures {
  left: number;
  random: () => number;
}

/** Latency and failures that come before the work of a call. */
export class Simulation {
  #latencyMs = 0;
  #rules: Rule[] = [];

  /** @param milliseconds before each call from now on */
  setLatency(milliseconds: number): void {
    this.#latencyMs = milliseconds;
  }

  /** Replaces all rules. @param rules null for no failures any more */
  setSimulateFailures(rules: SimulatedFailures | readonly SimulatedFailures[] | null): void {
    const list = rules === null ? [] : 'length' in rules ? rules : [rules];
    this.#rules = list.map((rule) => ({
      ...rule,
      left: rule.times ?? Number.POSITIVE_INFINITY,
      random: randomFrom(rule.seed ?? 1),
    }));
  }

  /** Waits, then fails if it is this call's turn. @throws ShadowError CANCELLED, or of the rule that applies */
  async before(name: OperationName, options: CallOptions | undefined): Promise<void> {
    await this.#wait(options?.signal);
    const rule = this.#rules.find(({ operation }) => operation === undefined || operation === name);
    if (rule === undefined || rule.left <= 0) return;
    if (rule.rate !== undefined && rule.random() >= rule.rate) return;
    rule.left -= 1;
    const code = rule.code ?? 'UNAVAILABLE';
    unwrap(failure(code, `${name} failed because it was told to (simulated ${code}).`));
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#latencyMs <= 0) return;
    try {
      await delay(this.#latencyMs, undefined, signal === undefined ? {} : { signal });
    } catch (thrown) {
      throw signal?.aborted === true ? cancelled() : thrown;
    }
  }
}

/** Mulberry32: numbers from 0 to 1 that depend on the seed alone. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The error of a simulated failure as a result. @throws anything else */
export function asResult(thrown: unknown): ReturnType<typeof failure> {
  if (thrown instanceof ShadowError) return { success: false, error: thrown.toOperationError() };
  throw thrown;
}
