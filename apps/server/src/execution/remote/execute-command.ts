import { createHash, randomUUID } from 'node:crypto';
import {
  type CommandResult,
  type ErrorCode,
  ExecuteCommandRequest,
  type ExecuteOptions,
  failure,
  type OperationError,
  OUTPUT_FRAMES_TYPE,
  type OutputFrame,
  type OutputWireFrame,
  type ProcessInfo,
  type Result,
  sidecarEndpoints,
  toShadowError,
} from '@shadow/protocol';
import { DEFAULT_RESULT_BYTES, ResultText } from '@shadow/workspace';
import * as z from 'zod';
import { livingChunks } from './living-stream.ts';
import { CutBudget, framesOf, readOutput } from './output.ts';
import type { SidecarClient } from './sidecar-client.ts';

/** Codes of a command that may have ended with its sidecar. */
const OUT_OF_SIGHT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'PROCESS_LOST',
  'UNAVAILABLE',
  'CIRCUIT_OPEN',
]);

/**
 * Runs a command on the sidecar under an id chosen here, so that a repeated start finds it instead of running it twice. Its
 * output is followed over as many connections as it takes; an abort ends it there.
 */
export async function executeCommand(
  client: SidecarClient,
  request: ExecuteCommandRequest,
  options: ExecuteOptions,
): Promise<Result<CommandResult>> {
  const valid = ExecuteCommandRequest.safeParse(request);
  if (!valid.success) return failure('VALIDATION_FAILED', z.prettifyError(valid.error));
  if (options.signal?.aborted === true) return failure('CANCELLED', 'The call was cancelled.');
  const run = new CommandRun(client, valid.data, options);
  return valid.data.isBackground === true ? await run.inBackground() : await run.inForeground();
}

class CommandRun {
  readonly #client: SidecarClient;
  readonly #body: Omit<ExecuteCommandRequest, 'processId'>;
  readonly #processId: string;
  readonly #options: ExecuteOptions;
  readonly #stdout: ResultText;
  readonly #stderr: ResultText;
  readonly #startedAt = performance.now();
  readonly #startedOn = new Date();
  /** Aborts when the process is certain to end without us, or cannot be reached. */
  readonly #abandon = new AbortController();
  #isStarted = false;
  #offset = 0;

  constructor(client: SidecarClient, request: ExecuteCommandRequest, options: ExecuteOptions) {
    const { processId, ...body } = request;
    this.#client = client;
    this.#body = body;
    this.#processId = processId ?? processIdFor(options.idempotencyKey);
    this.#options = options;
    this.#stdout = new ResultText(request.maxResultBytes ?? DEFAULT_RESULT_BYTES);
    this.#stderr = new ResultText(request.maxResultBytes ?? DEFAULT_RESULT_BYTES);
  }

  async inBackground(): Promise<Result<CommandResult>> {
    const { signal } = this.#options;
    const started = await this.#client.call(sidecarEndpoints.executeCommand, { ...this.#start(), signal });
    if (!started.success) return started;
    this.#began(started.process);
    return { success: true, ...this.#result(started.process) };
  }

  async inForeground(): Promise<Result<CommandResult>> {
    const { signal } = this.#options;
    const cancel = () => void this.#cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
    try {
      for await (const frame of this.#output()) {
        if (frame.type === 'error') return { success: false, error: await this.#explained(frame.error) };
        if (frame.type === 'end') return await this.#ended(frame.process);
        this.#take(frame);
      }
      return failure('STREAM_INTERRUPTED', 'The output of the command ended before the command did.');
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** The start's own stream, and after a cut whatever it takes to go on from there. */
  async *#output(): AsyncGenerator<OutputFrame> {
    const { signal } = this.#abandon;
    const budget = new CutBudget(this.#client, signal);
    while (!this.#isStarted) {
      try {
        for await (const frame of this.#firstConnection(budget)) {
          if (frame.type === 'started') this.#began(frame.process);
          else if (frame.type !== 'heartbeat') yield frame;
          if (frame.type === 'end' || frame.type === 'error') return;
        }
      } catch (error) {
        const verdict = await budget.afterCut(toShadowError(error));
        if (verdict !== undefined) {
          yield { type: 'error', error: verdict.toOperationError() };
          return;
        }
      }
    }
    const position = { processId: this.#processId, fromOffset: this.#offset, follow: true };
    yield* readOutput(this.#client, position, signal);
  }

  async *#firstConnection(budget: CutBudget): AsyncGenerator<OutputWireFrame> {
    const request = { ...this.#start(), signal: this.#abandon.signal };
    const opened = await this.#client.open(sidecarEndpoints.executeCommand, request, OUTPUT_FRAMES_TYPE);
    if (opened.success) yield* framesOf(livingChunks(opened.body), budget.progress);
    else yield { type: 'error', error: opened.error };
  }

  #start() {
    return { params: { processId: this.#processId }, body: this.#body };
  }

  #began(process: ProcessInfo): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#options.onStarted?.(process);
  }

  #take(frame: Extract<OutputFrame, { type: 'data' | 'gap' }>): void {
    if (frame.type === 'gap') {
      this.#offset = frame.toOffset;
      this.#stdout.gap();
      this.#stderr.gap();
      return;
    }
    this.#offset = frame.offset + frame.data.length;
    (frame.stream === 'stderr' ? this.#stderr : this.#stdout).append(frame.data);
    this.#options.onOutput?.(frame);
  }

  /** Ends the process; its last output and its state still come by the stream. Where that cannot be, nobody waits for it. */
  async #cancel(): Promise<void> {
    const params = { processId: this.#processId };
    const cancelled = await this.#client.call(sidecarEndpoints.cancelProcess, { params });
    // Not there yet: the sidecar refuses the start that may still be on its way.
    if (!cancelled.success) this.#abandon.abort();
  }

  async #ended(process: ProcessInfo): Promise<Result<CommandResult>> {
    if (process.state !== 'lost') return { success: true, ...this.#result(process) };
    const { processId } = process;
    const message = 'The process host ended while the command ran; its output so far is kept.';
    const { error } = failure('PROCESS_LOST', message, { processId });
    return { success: false, error: await this.#explained(error) };
  }

  /** What is known of why a command that ran was lost sight of. */
  async #explained(error: OperationError): Promise<OperationError> {
    if (!this.#isStarted || !OUT_OF_SIGHT.has(error.code)) return error;
    const why = await this.#client.whyLost(this.#startedOn);
    return why === undefined ? error : { ...error, message: `${error.message} ${why}` };
  }

  #result(process: ProcessInfo): CommandResult {
    return {
      process,
      stdout: this.#stdout.toString(),
      stderr: this.#stderr.toString(),
      stdoutTruncated: this.#stdout.isTruncated,
      stderrTruncated: this.#stderr.isTruncated,
      durationMs: performance.now() - this.#startedAt,
    };
  }
}

/** A keyed call names its process by its key, so that a repeat finds the process instead of running again. */
function processIdFor(idempotencyKey: string | undefined): string {
  if (idempotencyKey === undefined) return `p-${randomUUID()}`;
  return `k-${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 40)}`;
}
