import type { Result } from '@shadow/protocol/errors';
import {
  type ListProcessesResult,
  type OutputFrame,
  ProcessId,
  type ProcessInfo,
  type ReadOutputRequest,
  ResourceLimits,
  SignalName,
  TerminalSize,
} from '@shadow/protocol/process';
import * as z from 'zod';

/** A process is named by its workspace's state directory and its id. */
export const ProcessRef = z.object({
  stateDir: z.string().startsWith('/'),
  processId: ProcessId,
});
export type ProcessRef = z.infer<typeof ProcessRef>;

/** A command in full: nothing is added from the host's own environment. */
export const StartProcess = ProcessRef.extend({
  /** A shell line. */
  command: z.string().min(1),
  /** Real, absolute path. */
  cwd: z.string().startsWith('/'),
  /** The workspace's tree, for isolation. */
  root: z.string().startsWith('/'),
  env: z.record(z.string(), z.string()),
  runAs: z.object({ uid: z.int().min(0), gid: z.int().min(0) }).optional(),
  /** Written to standard input, which is then closed. Without it a foreground command reads from /dev/null. */
  stdin: z.string().optional(),
  timeoutMs: z.int().min(1).optional(),
  noOutputTimeoutMs: z.int().min(1).optional(),
  isBackground: z.boolean(),
  pty: TerminalSize.optional(),
  limits: ResourceLimits.optional(),
  /** Run inside bubblewrap; refused with UNSUPPORTED where there is none. */
  isolation: z
    .object({
      network: z.boolean(),
      readable: z.array(z.string()).optional(),
      writable: z.array(z.string()).optional(),
      hidden: z.array(z.string()).optional(),
    })
    .optional(),
  /** Bytes of output retained; default 8 MiB. */
  capacityBytes: z.int().min(1024).optional(),
  /** What makes two starts the same: equal to the one of a repeated start, or that is refused. */
  fingerprint: z.string(),
});
export type StartProcess = z.infer<typeof StartProcess>;

export const HostSignal = ProcessRef.extend({ signal: SignalName });
export type HostSignal = z.infer<typeof HostSignal>;
export const HostStdin = ProcessRef.extend({ data: z.string(), end: z.boolean().optional() });
export type HostStdin = z.infer<typeof HostStdin>;
export const HostResize = ProcessRef.extend(TerminalSize.shape);
export type HostResize = z.infer<typeof HostResize>;

/** What holds on this machine. */
export const HostCapabilities = z.object({
  /** How limits of CPU, memory and process count are kept. */
  limits: z.enum(['cgroup', 'rlimit', 'none']),
  /** Whether the rate of disk I/O is limited too, on the disk that commands work on; older hosts do not say. */
  diskLimits: z.boolean().default(false),
  isolation: z.enum(['bubblewrap', 'none']),
  pty: z.boolean(),
});
export type HostCapabilities = z.infer<typeof HostCapabilities>;

export type HostReadOutput = ReadOutputRequest & { stateDir: string };

/** What a run begins with: the process that was started, or that had this id already. */
export interface StartedFrame {
  type: 'started';
  process: ProcessInfo;
  created: boolean;
}

/** Options of a mutation: a repeat under the same key answers as the first did. */
export interface MutationOptions {
  key?: string;
}

/**
 * Owner of processes, their pipes, terminals and spill files. One serves many workspaces. In-process, or a daemon behind a
 * socket, so that a restart of its client loses nothing.
 */
export interface ProcessHost {
  readonly capabilities: HostCapabilities;
  /**
   * Starts a command, or returns the process that has this id already (`created` false).
   *
   * Fails with IDEMPOTENCY_MISMATCH when that one is another command, SPAWN_FAILED when it cannot run.
   */
  startProcess(request: StartProcess): Promise<Result<{ process: ProcessInfo; created: boolean }>>;
  /**
   * Starts a command and reads its output from the beginning, in one trip where the host is another process. A start that
   * fails gives one `error` frame; the signal ends the reading as that of `readOutput`, never the process.
   */
  runProcess(
    request: StartProcess,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<StartedFrame | OutputFrame, void, undefined>;
  listProcesses(workspace: { stateDir: string }): Promise<Result<ListProcessesResult>>;
  getProcess(ref: ProcessRef): Promise<Result<{ process: ProcessInfo }>>;
  /** Output by offset, ended by an `end` or `error` frame; ends early without one when the signal aborts. */
  readOutput(request: HostReadOutput, options?: { signal?: AbortSignal }): AsyncIterable<OutputFrame>;
  writeStdin(request: HostStdin, options?: MutationOptions): Promise<Result>;
  /** Signals the whole group. */
  signalProcess(request: HostSignal, options?: MutationOptions): Promise<Result>;
  resizeTerminal(request: HostResize): Promise<Result>;
  /** Ends the group (TERM, grace, KILL) with state `cancelled`; resolves when it is gone. Succeeds on an ended process. */
  cancelProcess(ref: ProcessRef): Promise<Result<{ process: ProcessInfo }>>;
  /** Cancels everything of a workspace and forgets it, before its state directory is removed. */
  releaseWorkspace(workspace: { stateDir: string }): Promise<Result>;
  /** Ends every process and the host itself. */
  shutdown(): Promise<void>;
  /** Lets go of the host; a daemon and its processes live on, an in-process host is shut down. */
  close(): Promise<void>;
}
