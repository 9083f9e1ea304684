import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { OutputStream, TerminalSize } from '@shadow/protocol/process';
import type { RunAs } from '../context.ts';

/** How a command is run once everything is decided. */
export interface LaunchSpec {
  file: string;
  /** What the program is told that it was called as; default the file. */
  argv0?: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  runAs?: RunAs;
  /** `ignore` is /dev/null. */
  stdin: 'ignore' | 'pipe';
  pty?: TerminalSize;
  onOutput: (stream: OutputStream, data: Buffer) => void;
}

export interface ExitStatus {
  exitCode: number | null;
  signal: string | null;
}

/** Name of a signal by its number; undefined for none. */
export function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, candidate]) => candidate === number)?.[0];
}

/** A running child, leader of its own process group and session. */
export interface Child {
  readonly pid: number;
  /** The leader has ended; others may still hold its output open. */
  readonly exited: Promise<ExitStatus>;
  /** Every output stream is at its end. */
  readonly drained: Promise<void>;
  /** Resolves when the bytes are handed over; false when standard input is closed. */
  writeStdin(data: string): Promise<boolean>;
  /** Closes standard input (a terminal gets its end-of-file character). */
  endStdin(): void;
  resize(size: TerminalSize): void;
  /** Lets go of output that a process outside the group holds open. */
  destroyOutput(): void;
}

/**
 * Spawns on pipes.
 *
 * @throws the system's error when it cannot be started (ENOENT, EACCES, E2BIG, EAGAIN …)
 */
export async function spawnOnPipes(spec: LaunchSpec): Promise<Child> {
  const child = spawn(spec.file, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: [spec.stdin, 'pipe', 'pipe'],
    ...(spec.argv0 === undefined ? {} : { argv0: spec.argv0 }),
    ...(spec.runAs === undefined ? {} : { uid: spec.runAs.uid, gid: spec.runAs.gid }),
  });
  const { pid } = child;
  if (pid === undefined) throw await spawnError(child);
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const drained = new Promise<void>((resolve) => child.once('close', () => resolve()));
  // A kill that fails is reported by the group's state, not by this event.
  child.on('error', () => {});
  child.stdout?.on('data', (data: Buffer) => spec.onOutput('stdout', data));
  child.stderr?.on('data', (data: Buffer) => spec.onOutput('stderr', data));
  // EPIPE: the command does not read its input; that is its right.
  child.stdin?.on('error', () => {});
  return {
    pid,
    exited,
    drained,
    writeStdin: (data) => writeTo(child, data),
    endStdin: () => child.stdin?.end(),
    resize: () => {},
    destroyOutput: () => {
      child.stdin?.destroy();
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
  };
}

function spawnError(child: ChildProcess): Promise<Error> {
  return new Promise((resolve) => child.once('error', resolve));
}

function writeTo(child: ChildProcess, data: string): Promise<boolean> {
  const { stdin } = child;
  if (stdin === null || !stdin.writable) return Promise.resolve(false);
  return new Promise((resolve) =>
    stdin.write(data, (error) => resolve(error === null || error === undefined)),
  );
}
