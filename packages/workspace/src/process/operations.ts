import { createHash, randomUUID } from 'node:crypto';
import type { CallOptions } from '@shadow/protocol';
import { failure, type Result } from '@shadow/protocol/errors';
import {
  type CommandResult,
  ExecuteCommandRequest,
  type ExecuteOptions,
  GetProcessRequest,
  type OutputFrame,
  type ProcessInfo,
  type ProcessOperations,
  ReadOutputRequest,
  ResizeTerminalRequest,
  SignalProcessRequest,
  WriteStdinRequest,
} from '@shadow/protocol/process';
import * as z from 'zod';
import type { WorkspaceContext } from '../context.ts';
import type { ProcessHost, StartedFrame, StartProcess } from './process-host.ts';
import { DEFAULT_RESULT_BYTES, ResultText } from './result-text.ts';
import { resolveWorkingDirectory } from './working-directory.ts';

/** Of a foreground command, unless the request says otherwise. */
export const DEFAULT_TIMEOUT_MS = 300_000;

type FindDirectory = typeof resolveWorkingDirectory;

/** Parts of the process operations that a workspace without a disk brings along. */
export interface ProcessParts {
  /** Finds a command's working directory; default on the disk. */
  findDirectory?: FindDirectory;
}

/**
 * The process operations of one workspace over a process host. Nothing throws for what the environment can cause; every
 * failure is a result with a code.
 */
export function createProcessOperations(
  context: WorkspaceContext,
  host: ProcessHost,
  { findDirectory = resolveWorkingDirectory }: ProcessParts = {},
): ProcessOperations {
  const { stateDir } = context;
  return {
    executeCommand: (request, options = {}) => executeCommand(context, host, findDirectory, request, options),
    listProcesses: (options) => unlessAborted(options, () => host.listProcesses({ stateDir })),
    getProcess: (request, options) =>
      parsed(GetProcessRequest, request, options, (valid) => host.getProcess({ stateDir, ...valid })),
    readOutput: (request, options) => readOutput(stateDir, host, request, options),
    writeStdin: (request, options) =>
      parsed(WriteStdinRequest, request, options, (valid) =>
        host.writeStdin({ stateDir, ...defined(valid) }, keyOf('writeStdin', options)),
      ),
    signalProcess: (request, options) =>
      parsed(SignalProcessRequest, request, options, (valid) =>
        host.signalProcess({ stateDir, ...valid }, keyOf('signalProcess', options)),
      ),
    resizeTerminal: (request, options) =>
      parsed(ResizeTerminalRequest, request, options, (valid) => host.resizeTerminal({ stateDir, ...valid })),
  };
}

/** Starts a command, or finds the one that has its id already; its output is read apart. */
export async function startCommand(
  context: WorkspaceContext,
  host: ProcessHost,
  request: ExecuteCommandRequest,
): Promise<Result<{ process: ProcessInfo; created: boolean }>> {
  const prepared = await prepareStart(context, resolveWorkingDirectory, request, {});
  return prepared.success ? await host.startProcess(prepared.start) : prepared;
}

/** Starts a command, or finds the one that has its id already, and follows its output from the beginning. */
export async function* runCommand(
  context: WorkspaceContext,
  host: ProcessHost,
  request: ExecuteCommandRequest,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<StartedFrame | OutputFrame, void, undefined> {
  const prepared = await prepareStart(context, resolveWorkingDirectory, request, {});
  if (prepared.success) yield* host.runProcess(prepared.start, options);
  else yield { type: 'error', error: prepared.error };
}

async function prepareStart(
  context: WorkspaceContext,
  findDirectory: FindDirectory,
  request: ExecuteCommandRequest,
  options: CallOptions,
): Promise<Result<{ start: StartProcess; valid: ExecuteCommandRequest }>> {
  const valid = ExecuteCommandRequest.safeParse(request);
  if (!valid.success) return invalid(valid.error);
  if (options.signal?.aborted === true) return cancelled();
  const cwd = await findDirectory(context.root, valid.data.cwd);
  if (!cwd.success) return cwd;
  return { success: true, start: startOf(context, valid.data, cwd.path, options), valid: valid.data };
}

async function executeCommand(
  context: WorkspaceContext,
  host: ProcessHost,
  findDirectory: FindDirectory,
  request: ExecuteCommandRequest,
  options: ExecuteOptions,
): Promise<Result<CommandResult>> {
  const prepared = await prepareStart(context, findDirectory, request, options);
  if (!prepared.success) return prepared;
  if (options.signal?.aborted === true) return cancelled();
  const { start, valid } = prepared;
  const startedAt = performance.now();
  const collector = new Collector(valid.maxResultBytes ?? DEFAULT_RESULT_BYTES);
  if (!start.isBackground) return await untilEnd(host, start, options, collector, startedAt);
  const started = await host.startProcess(start);
  if (!started.success) return started;
  options.onStarted?.(started.process);
  return { success: true, ...collector.result(started.process, performance.now() - startedAt) };
}

/** Runs a foreground process to its end; an abort ends the process, and its output is still read to the end. */
async function untilEnd(
  host: ProcessHost,
  start: StartProcess,
  options: ExecuteOptions,
  collector: Collector,
  startedAt: number,
): Promise<Result<CommandResult>> {
  const ref = { stateDir: start.stateDir, processId: start.processId };
  const cancel = () => void host.cancelProcess(ref);
  try {
    for await (const frame of host.runProcess(start)) {
      if (frame.type === 'started') {
        options.onStarted?.(frame.process);
        options.signal?.addEventListener('abort', cancel, { once: true });
        if (options.signal?.aborted === true) cancel();
        continue;
      }
      if (frame.type === 'error') return { success: false, error: frame.error };
      if (frame.type === 'end') return endResult(frame.process, collector, performance.now() - startedAt);
      collector.take(frame);
      if (frame.type === 'data') options.onOutput?.(frame);
    }
    return failure('STREAM_INTERRUPTED', 'The output of the command ended before the command did.', ref);
  } finally {
    options.signal?.removeEventListener('abort', cancel);
  }
}

function endResult(process: ProcessInfo, collector: Collector, durationMs: number): Result<CommandResult> {
  if (process.state === 'lost') {
    return failure(
      'PROCESS_LOST',
      'The process host ended while the command ran; its output so far is kept.',
      {
        processId: process.processId,
      },
    );
  }
  return { success: true, ...collector.result(process, durationMs) };
}

/** Builds what a command result shows of each stream; a terminal's only stream counts as stdout. */
class Collector {
  readonly #stdout: ResultText;
  readonly #stderr: ResultText;

  constructor(maxBytes: number) {
    this.#stdout = new ResultText(maxBytes);
    this.#stderr = new ResultText(maxBytes);
  }

  take(frame: Extract<OutputFrame, { type: 'data' | 'gap' }>): void {
    if (frame.type === 'data') {
      (frame.stream === 'stderr' ? this.#stderr : this.#stdout).append(frame.data);
    } else {
      this.#stdout.gap();
      this.#stderr.gap();
    }
  }

  result(process: ProcessInfo, durationMs: number): CommandResult {
    return {
      process,
      durationMs,
      stdout: this.#stdout.toString(),
      stderr: this.#stderr.toString(),
      stdoutTruncated: this.#stdout.isTruncated,
      stderrTruncated: this.#stderr.isTruncated,
    };
  }
}

function startOf(
  context: WorkspaceContext,
  request: ExecuteCommandRequest,
  cwd: string,
  options: CallOptions,
): StartProcess {
  const isBackground = request.isBackground === true;
  const timeoutMs = request.timeoutMs ?? (isBackground ? undefined : DEFAULT_TIMEOUT_MS);
  const limits = request.limits ?? context.limits;
  const { command, stdin, noOutputTimeoutMs, pty } = request;
  return {
    stateDir: context.stateDir,
    processId: request.processId ?? processIdFor(options.idempotencyKey),
    command,
    cwd,
    root: context.root,
    env: { ...context.environment, ...request.env },
    isBackground,
    fingerprint: fingerprintOf(request, cwd),
    ...defined({
      runAs: context.runAs,
      stdin,
      timeoutMs,
      noOutputTimeoutMs,
      pty,
      limits,
      isolation: context.isolation && { ...context.isolation },
    }),
  };
}

/** A keyed call names its process by its key, so that a repeat finds the process instead of running again. */
function processIdFor(idempotencyKey: string | undefined): string {
  if (idempotencyKey === undefined) return `p-${randomUUID()}`;
  return `k-${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 40)}`;
}

/** What makes two requests the same command; limits and timeouts do not. */
function fingerprintOf(
  { command, env, stdin, isBackground, pty }: ExecuteCommandRequest,
  cwd: string,
): string {
  const sortedEnv = Object.entries(env ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const identity = [command, cwd, sortedEnv, stdin ?? null, isBackground === true, pty !== undefined];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

async function* readOutput(
  stateDir: string,
  host: ProcessHost,
  request: ReadOutputRequest,
  options: CallOptions = {},
): AsyncGenerator<OutputFrame> {
  const valid = ReadOutputRequest.safeParse(request);
  if (!valid.success) {
    yield { type: 'error', error: invalid(valid.error).error };
    return;
  }
  const signalOption = options.signal === undefined ? {} : { signal: options.signal };
  yield* host.readOutput({ stateDir, ...valid.data }, signalOption);
  if (options.signal?.aborted === true) yield { type: 'error', error: cancelled().error };
}

async function parsed<Request, T extends object>(
  schema: z.ZodType<Request>,
  request: unknown,
  options: CallOptions | undefined,
  call: (valid: Request) => Promise<Result<T>>,
): Promise<Result<T>> {
  const valid = schema.safeParse(request);
  if (!valid.success) return invalid(valid.error);
  return await unlessAborted(options, () => call(valid.data));
}

async function unlessAborted<T extends object>(
  options: CallOptions | undefined,
  call: () => Promise<Result<T>>,
): Promise<Result<T>> {
  return options?.signal?.aborted === true ? cancelled() : await call();
}

function keyOf(operation: string, options: CallOptions | undefined): { key?: string } {
  const key = options?.idempotencyKey;
  return key === undefined ? {} : { key: `${operation}:${key}` };
}

function invalid(error: z.ZodError): ReturnType<typeof failure> {
  return failure('VALIDATION_FAILED', z.prettifyError(error));
}

function cancelled(): ReturnType<typeof failure> {
  return failure('CANCELLED', 'The call was cancelled.');
}

/** The object without its undefined properties. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } & T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T & {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
