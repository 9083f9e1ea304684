import type {
  CommandResult,
  ErrorCode,
  ExecuteCommandRequest,
  ExecuteOptions,
  OperationError,
  OutputFrame,
  ProcessInfo,
  ProcessOperations,
  Result,
} from '@shadow/protocol';
import { OperationError as OperationErrorSchema, unwrap } from '@shadow/protocol';
import { expect } from 'vitest';
import type { SharedSubject } from './shared-subject.ts';

/** The error of a failed result, which must have this code and be a whole error. */
export function expectFailure<T extends object>(result: Result<T>, code: ErrorCode): OperationError {
  if (result.success) throw new Error(`expected ${code}, but the call succeeded: ${JSON.stringify(result)}`);
  expect(result.error).toMatchObject({ code, message: expect.stringMatching(/\S/) });
  return OperationErrorSchema.parse(result.error);
}

/** The whole content of a file as bytes. */
export async function bytesOf(shared: SharedSubject, path: string): Promise<Buffer> {
  const { content } = unwrap(await shared.executor.downloadFile({ path }));
  return concat(content);
}

/** The whole content of a file, as UTF-8. */
export async function textOf(shared: SharedSubject, path: string): Promise<string> {
  return (await bytesOf(shared, path)).toString('utf8');
}

export async function concat(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function* chunksOf(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

/** Whether anything has this path. */
export async function exists(shared: SharedSubject, path: string): Promise<boolean> {
  return (await shared.executor.statFile({ path })).success;
}

/** Runs a command that must succeed as a call. */
export async function run(
  executor: ProcessOperations,
  request: ExecuteCommandRequest | string,
  options?: ExecuteOptions,
): Promise<CommandResult> {
  return unwrap(
    await executor.executeCommand(typeof request === 'string' ? { command: request } : request, options),
  );
}

/** Starts a background process. */
export async function start(
  executor: ProcessOperations,
  request: Omit<ExecuteCommandRequest, 'isBackground'>,
): Promise<ProcessInfo> {
  return (await run(executor, { ...request, isBackground: true })).process;
}

/** Follows a process to its end. @returns the process as it ended */
export async function ended(executor: ProcessOperations, processId: string): Promise<ProcessInfo> {
  const last = (await framesOf(executor.readOutput({ processId, follow: true }))).at(-1);
  if (last?.type !== 'end') throw new Error(`expected an end, got ${JSON.stringify(last)}`);
  return last.process;
}

export async function framesOf(frames: AsyncIterable<OutputFrame>): Promise<OutputFrame[]> {
  const all: OutputFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

/** The bytes of data frames, each of which must begin where the one before ended; gaps are passed over. */
export function outputOf(frames: readonly OutputFrame[], from = 0): Buffer {
  let offset = from;
  const pieces: Uint8Array[] = [];
  for (const frame of frames) {
    if (frame.type === 'gap') {
      expect(frame.fromOffset).toBe(offset);
      expect(frame.toOffset).toBeGreaterThan(frame.fromOffset);
      offset = frame.toOffset;
    }
    if (frame.type !== 'data') continue;
    expect(frame.offset).toBe(offset);
    offset += frame.data.length;
    pieces.push(frame.data);
  }
  return Buffer.concat(pieces);
}

/** Polls until the condition holds; gives up long after any honest machine would have got there. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until a process has written a text. */
export async function untilWritten(
  executor: ProcessOperations,
  processId: string,
  text: string,
): Promise<void> {
  const abort = new AbortController();
  let seen = '';
  for await (const frame of executor.readOutput({ processId, follow: true }, { signal: abort.signal })) {
    if (frame.type === 'data') seen += Buffer.from(frame.data).toString('utf8');
    if (seen.includes(text)) return abort.abort();
    if (frame.type === 'end' || frame.type === 'error') break;
  }
  throw new Error(
    `the process ended without writing ${JSON.stringify(text)}; it wrote ${JSON.stringify(seen)}`,
  );
}
