import * as z from 'zod';
import type { OperationError, Result } from '../errors.ts';
import type { CallOptions } from './call.ts';
import { WorkspacePath } from './files.ts';

/** Chosen by the caller, so that a repeated start returns the same process instead of running twice. */
export const ProcessId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -');
export type ProcessId = z.infer<typeof ProcessId>;

/** Seconds and bytes are spelt out in the names; a missing limit is the workspace's default. */
export const ResourceLimits = z.object({
  cpuCores: z.number().positive().optional(),
  memoryBytes: z.int().positive().optional(),
  maxProcesses: z.int().positive().optional(),
  diskBytesPerSecond: z.int().positive().optional(),
});
export type ResourceLimits = z.infer<typeof ResourceLimits>;

export const TerminalSize = z.object({
  columns: z.int().min(1).max(1000),
  rows: z.int().min(1).max(1000),
});
export type TerminalSize = z.infer<typeof TerminalSize>;

export const ExecuteCommandRequest = z.object({
  processId: ProcessId.optional(),
  /** A shell line, run by bash (sh where there is none). */
  command: z.string().min(1).max(65_536),
  cwd: WorkspacePath.optional(),
  /** Added to the allow-listed environment. */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(131_072)).optional(),
  /** Written to standard input, which is then closed. */
  stdin: z.string().optional(),
  /** Ends the process group after so long; default 300,000. Background processes have none by default. */
  timeoutMs: z.int().min(1).max(86_400_000).optional(),
  /** Ends the process group after so long without output. */
  noOutputTimeoutMs: z.int().min(1).max(86_400_000).optional(),
  /** Return at once; read the output by offset. */
  isBackground: z.boolean().optional(),
  /** Run on a pseudo-terminal of this size. */
  pty: TerminalSize.optional(),
  limits: ResourceLimits.optional(),
  /** Bytes of stdout and of stderr kept in the result, head and tail; default 65,536. */
  maxResultBytes: z.int().min(0).max(1_048_576).optional(),
});
export type ExecuteCommandRequest = z.infer<typeof ExecuteCommandRequest>;

export const ProcessState = z.enum([
  'running',
  'exited',
  'signaled',
  'timed-out',
  'cancelled',
  'lost',
  'failed',
]);
export type ProcessState = z.infer<typeof ProcessState>;

/**
 * What a process uses of the machine, together with everything it has started. What a machine does not tell is left out.
 * Pages of memory that several processes share may count for each of them.
 */
export const ResourceUsage = z.object({
  /** Milliseconds of processor time so far, of users' and the system's code. */
  cpuMs: z.number().min(0),
  /** Bytes of memory now; 0 once the process has ended. */
  memoryBytes: z.int().min(0),
  /** The most bytes of memory that were seen in use. */
  peakMemoryBytes: z.int().min(0).optional(),
  /** Processes now, threads not counted; 0 once the process has ended. */
  processCount: z.int().min(0),
  /** Bytes that had to be read from storage so far; caches do not count. */
  readBytes: z.int().min(0).optional(),
  /** Bytes that were to be written to storage so far. */
  writtenBytes: z.int().min(0).optional(),
});
export type ResourceUsage = z.infer<typeof ResourceUsage>;

export const ProcessInfo = z.object({
  processId: ProcessId,
  command: z.string(),
  cwd: z.string(),
  state: ProcessState,
  isBackground: z.boolean(),
  isPty: z.boolean(),
  pid: z.int().nullable(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  /** Bytes ever written to the buffer: the offset after the newest byte. */
  outputEnd: z.int(),
  /** Offset of the oldest byte still held. */
  outputStart: z.int(),
  /** Of a running process only where it was asked for (`listProcesses`, `getProcess`); of an ended one its last. */
  usage: ResourceUsage.optional(),
});
export type ProcessInfo = z.infer<typeof ProcessInfo>;

export const CommandResult = z.object({
  process: ProcessInfo,
  /** Head and tail of what was written, with a marker where bytes were left out. */
  stdout: z.string(),
  stderr: z.string(),
  stdoutTruncated: z.boolean(),
  stderrTruncated: z.boolean(),
  durationMs: z.number(),
});
export type CommandResult = z.infer<typeof CommandResult>;

export type OutputStream = 'stdout' | 'stderr' | 'pty';

/** What a reader of a process's output gets, in order of offset. */
export type OutputFrame =
  | { type: 'data'; offset: number; stream: OutputStream; data: Uint8Array }
  /** Bytes [fromOffset, toOffset) are gone: evicted before this reader came to them. */
  | { type: 'gap'; fromOffset: number; toOffset: number }
  | { type: 'end'; offset: number; process: ProcessInfo }
  | { type: 'error'; error: OperationError };

export const ReadOutputRequest = z.object({
  processId: ProcessId,
  /** First byte wanted; default the oldest held. */
  fromOffset: z.int().min(0).optional(),
  /** Stop after so many bytes. */
  maxBytes: z.int().min(1).optional(),
  /** Wait for more until the process ends; without it the stream ends at the present end. */
  follow: z.boolean().optional(),
});
export type ReadOutputRequest = z.infer<typeof ReadOutputRequest>;

export const ListProcessesResult = z.object({ processes: z.array(ProcessInfo) });
export type ListProcessesResult = z.infer<typeof ListProcessesResult>;
export const GetProcessRequest = z.object({ processId: ProcessId });
export type GetProcessRequest = z.infer<typeof GetProcessRequest>;
export const WriteStdinRequest = z.object({
  processId: ProcessId,
  data: z.string(),
  /** Close standard input afterwards. */
  end: z.boolean().optional(),
});
export type WriteStdinRequest = z.infer<typeof WriteStdinRequest>;
export const SignalName = z.enum([
  'SIGTERM',
  'SIGKILL',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGSTOP',
  'SIGCONT',
]);
export type SignalName = z.infer<typeof SignalName>;
export const SignalProcessRequest = z.object({ processId: ProcessId, signal: SignalName });
export type SignalProcessRequest = z.infer<typeof SignalProcessRequest>;
export const ResizeTerminalRequest = z.object({ processId: ProcessId }).extend(TerminalSize.shape);
export type ResizeTerminalRequest = z.infer<typeof ResizeTerminalRequest>;

export interface ExecuteOptions extends CallOptions {
  /** Told of each piece of output as it is recorded; must not throw and must return at once. */
  onOutput?: (frame: Extract<OutputFrame, { type: 'data' }>) => void;
  /** Told the process's id as soon as it runs, before any output. */
  onStarted?: (process: ProcessInfo) => void;
}

/** Processes of one workspace. A command that exits non-zero is a success with its exit code. */
export interface ProcessOperations {
  /**
   * Runs a command. In the foreground it resolves when the process group is gone; a timeout or an abort kills the
   * group (TERM, grace, KILL) and yields the result with state `timed-out` or `cancelled`, its output kept.
   */
  executeCommand(request: ExecuteCommandRequest, options?: ExecuteOptions): Promise<Result<CommandResult>>;
  listProcesses(options?: CallOptions): Promise<Result<ListProcessesResult>>;
  getProcess(request: GetProcessRequest, options?: CallOptions): Promise<Result<{ process: ProcessInfo }>>;
  readOutput(request: ReadOutputRequest, options?: CallOptions): AsyncIterable<OutputFrame>;
  writeStdin(request: WriteStdinRequest, options?: CallOptions): Promise<Result>;
  signalProcess(request: SignalProcessRequest, options?: CallOptions): Promise<Result>;
  resizeTerminal(request: ResizeTerminalRequest, options?: CallOptions): Promise<Result>;
}
