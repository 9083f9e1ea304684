import * as z from 'zod';
import { OperationError } from '../errors.ts';
import { WorkspacePath } from '../operations/files.ts';
import {
  CommandResult,
  ExecuteCommandRequest,
  ProcessId,
  ProcessInfo,
  SignalProcessRequest,
  TerminalSize,
  WriteStdinRequest,
} from '../operations/process.ts';

/** Header that makes a repeated mutation answer as the first did. */
export const IDEMPOTENCY_HEADER = 'idempotency-key';
export const IdempotencyKey = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 visible characters');

/** Size of the whole file, in bytes, beside the `Content-Length` of the part that is sent. */
export const FILE_SIZE_HEADER = 'x-file-size';
/** Path of the file as the workspace shows it, percent-encoded. */
export const FILE_PATH_HEADER = 'x-file-path';

/** Media type of a stream of `output-frames.ts`. */
export const OUTPUT_FRAMES_TYPE = 'application/vnd.shadow.output-frames';
export const EVENT_STREAM_TYPE = 'text/event-stream';

/** Streams carry a sign of life at least this often; a reader that hears nothing for thrice as long counts them as cut. */
export const STREAM_HEARTBEAT_MS = 10_000;

/** A whole number in a query string. */
const queryInt = (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));
const queryFlag = z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] });

export const ProcessParams = z.object({ processId: ProcessId });
export type ProcessParams = z.infer<typeof ProcessParams>;

/** What the sidecar can do on its machine. */
export const SidecarCapabilities = z.object({
  pty: z.boolean(),
  codebaseSearch: z.boolean(),
  limits: z.enum(['cgroup', 'rlimit', 'none']),
  /** Whether the rate of disk I/O can be limited too. */
  diskLimits: z.boolean().default(false),
  isolation: z.enum(['bubblewrap', 'none']),
  raceSafePaths: z.boolean(),
});
export type SidecarCapabilities = z.infer<typeof SidecarCapabilities>;

/** A command; its id stands in the path. */
export const StartCommandBody = ExecuteCommandRequest.omit({ processId: true });
export type StartCommandBody = z.infer<typeof StartCommandBody>;

/** `created` is false when the process was there already. A foreground command that was waited for has a `result`. */
export const StartCommandAnswer = z.object({
  process: ProcessInfo,
  created: z.boolean(),
  result: CommandResult.optional(),
});
export type StartCommandAnswer = z.infer<typeof StartCommandAnswer>;

export const StdinBody = WriteStdinRequest.omit({ processId: true });
export const SignalBody = SignalProcessRequest.omit({ processId: true });
export const ResizeBody = TerminalSize;

export const UploadQuery = z.object({ path: WorkspacePath, overwrite: queryFlag.optional() });
export const DownloadQuery = z.object({
  path: WorkspacePath,
  offset: queryInt(0).optional(),
  length: queryInt(0).optional(),
});

/** Bytes of history returned at most, and unless the request says otherwise. */
export const MAX_HISTORY_BYTES = 8 * 1024 * 1024;
export const DEFAULT_HISTORY_BYTES = 1024 * 1024;

export const HistoryQuery = z.object({
  fromOffset: queryInt(0).optional(),
  maxBytes: queryInt(1, MAX_HISTORY_BYTES).optional(),
});

export const OutputStreamQuery = z.object({
  /** First byte wanted; default the oldest held. An SSE client's `Last-Event-ID` takes its place. */
  fromOffset: queryInt(0).optional(),
  maxBytes: queryInt(1).optional(),
  /** Go on until the process ends; default true. */
  follow: queryFlag.optional(),
});

const OutputStreamName = z.enum(['stdout', 'stderr', 'pty']);

/** A frame of output as JSON; bytes are base64. */
export const JsonOutputFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('data'), offset: z.int(), stream: OutputStreamName, data: z.base64() }),
  z.object({ type: z.literal('gap'), fromOffset: z.int(), toOffset: z.int() }),
  z.object({ type: z.literal('end'), offset: z.int(), process: ProcessInfo }),
  z.object({ type: z.literal('error'), error: OperationError }),
  z.object({ type: z.literal('started'), process: ProcessInfo, created: z.boolean() }),
  z.object({ type: z.literal('heartbeat') }),
]);
export type JsonOutputFrame = z.infer<typeof JsonOutputFrame>;

export const TerminalHistory = z.object({
  frames: z.array(JsonOutputFrame),
  /** Where the next page begins. */
  nextOffset: z.int(),
  process: ProcessInfo,
});
export type TerminalHistory = z.infer<typeof TerminalHistory>;

/** What a client of the terminal's WebSocket sends as text; binary messages are keyboard input. */
export const TerminalControl = z.discriminatedUnion('type', [
  z.object({ type: z.literal('input'), data: z.string() }),
  z.object({ type: z.literal('resize') }).extend(TerminalSize.shape),
]);
export type TerminalControl = z.infer<typeof TerminalControl>;

export const SidecarLive = z.object({ status: z.literal('ok') });
export const SidecarReady = z.object({ status: z.literal('ready') });
