import { setTimeout as delay } from 'node:timers/promises';
import {
  type OutputFrame,
  OutputFrameDecoder,
  type OutputWireFrame,
  type ReadOutputRequest,
  ShadowError,
  sidecarEndpoints,
  toShadowError,
} from '@shadow/protocol';
import { livingChunks } from './living-stream.ts';
import type { SidecarClient } from './sidecar-client.ts';

/** Frames of one connection, heartbeats left out. @throws ShadowError UNAVAILABLE when it is cut before its last frame */
export async function* framesOf(
  body: AsyncIterable<Uint8Array>,
  onAlive: () => void,
): AsyncGenerator<Exclude<OutputWireFrame, { type: 'heartbeat' }>> {
  const decoder = new OutputFrameDecoder();
  let heartbeats = 0;
  let last: Extract<OutputWireFrame, { type: 'end' | 'error' }> | undefined;
  try {
    for await (const chunk of body) {
      for (const frame of decoder.push(chunk)) {
        // The first sign of life only says that the connection stands; what follows says that it holds.
        if (frame.type !== 'heartbeat' || heartbeats++ > 0) onAlive();
        if (frame.type === 'heartbeat') continue;
        // Only a body that is read to its end leaves a connection that the next call can use.
        if (frame.type === 'end' || frame.type === 'error') last = frame;
        else yield frame;
      }
    }
  } catch (error) {
    if (last === undefined) throw error;
  }
  if (last !== undefined) {
    yield last;
    return;
  }
  throw new ShadowError('UNAVAILABLE', 'The output stream was cut.');
}

/** Where a reading stands. */
type Position = ReadOutputRequest;

/**
 * Output by offset over as many connections as it takes: each goes on where the one before was cut. Gives up after several
 * connections in a row that brought nothing.
 */
export async function* readOutput(
  client: SidecarClient,
  request: ReadOutputRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<OutputFrame> {
  const position: Position = { ...request };
  const budget = new CutBudget(client, signal);
  for (;;) {
    try {
      if (position.maxBytes === 0) {
        yield await endOf(client, position, signal);
        return;
      }
      for await (const frame of connection(client, position, signal, budget)) {
        advance(position, frame);
        yield frame;
        if (frame.type === 'end' || frame.type === 'error') return;
      }
    } catch (error) {
      const verdict = await budget.afterCut(toShadowError(error));
      if (verdict === undefined) continue;
      yield { type: 'error', error: verdict.toOperationError() };
      return;
    }
  }
}

async function* connection(
  client: SidecarClient,
  position: Position,
  signal: AbortSignal | undefined,
  budget: CutBudget,
): AsyncGenerator<OutputFrame> {
  const { processId, ...query } = position;
  const opened = await client.open(sidecarEndpoints.readOutput, {
    params: { processId },
    query: { follow: false, ...query },
    signal,
  });
  if (!opened.success) {
    yield { type: 'error', error: opened.error };
    return;
  }
  for await (const frame of framesOf(livingChunks(opened.body), budget.progress)) {
    if (frame.type !== 'started') yield frame;
  }
}

/** Everything asked for has come, only the word about the process is missing. */
async function endOf(
  client: SidecarClient,
  { processId, fromOffset = 0 }: Position,
  signal: AbortSignal | undefined,
): Promise<OutputFrame> {
  const found = await client.call(sidecarEndpoints.getProcess, { params: { processId }, signal });
  return found.success
    ? { type: 'end', offset: fromOffset, process: found.process }
    : { type: 'error', error: found.error };
}

function advance(position: Position, frame: OutputFrame): void {
  if (frame.type === 'gap') position.fromOffset = frame.toOffset;
  if (frame.type !== 'data') return;
  position.fromOffset = frame.offset + frame.data.length;
  if (position.maxBytes !== undefined) position.maxBytes -= frame.data.length;
}

/** Counts connections in a row that were cut before they brought anything. */
export class CutBudget {
  readonly #client: SidecarClient;
  readonly #signal: AbortSignal | undefined;
  #fruitless = 0;

  constructor(client: SidecarClient, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#signal = signal;
  }

  /** Something came: the next cut is a first one. */
  readonly progress = (): void => {
    this.#fruitless = 0;
  };

  /** Waits as long as it should before the next connection; gives the error when there should be none. */
  async afterCut(error: ShadowError): Promise<ShadowError | undefined> {
    if (isAborted(this.#signal)) return cancelled();
    // A breaker is one container's: the next one, which may come meanwhile, has its own.
    if (error.code !== 'UNAVAILABLE' && error.code !== 'CIRCUIT_OPEN') return error;
    const { resilience } = this.#client;
    this.#fruitless += 1;
    if (this.#fruitless > resilience.retries + 1) return error;
    // The first cut is most often just that; a pause is for what goes on failing.
    if (this.#fruitless === 1) return undefined;
    const pauseMs = resilience.delayMs(this.#fruitless - 2);
    const signal = this.#signal === undefined ? {} : { signal: this.#signal };
    await delay(pauseMs, undefined, signal).catch(() => {});
    return isAborted(this.#signal) ? cancelled() : undefined;
  }
}

/** A function, since a property that was looked at before an `await` may be another one after it. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function cancelled(): ShadowError {
  return new ShadowError('CANCELLED', 'The call was cancelled.');
}
