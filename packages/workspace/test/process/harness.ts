import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CommandResult,
  type ExecuteCommandRequest,
  type ExecuteOptions,
  type OutputFrame,
  type ProcessOperations,
  unwrap,
} from '@shadow/protocol';
import type { WorkspaceContext } from '../../src/context.ts';

/** A workspace of its own for one test. */
export interface Sandbox {
  directory: string;
  context: WorkspaceContext;
  [Symbol.dispose](): void;
}

export function makeSandbox(overrides: Partial<WorkspaceContext> = {}): Sandbox {
  const directory = mkdtempSync(join(tmpdir(), 'processes-'));
  mkdirSync(join(directory, 'root'));
  return {
    directory,
    context: {
      root: join(directory, 'root'),
      stateDir: join(directory, 'state'),
      environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: directory, LANG: 'C.UTF-8' },
      ...overrides,
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Runs a command that must succeed as a call. */
export async function run(
  operations: ProcessOperations,
  request: string | ExecuteCommandRequest,
  options?: ExecuteOptions,
): Promise<CommandResult> {
  return unwrap(
    await operations.executeCommand(typeof request === 'string' ? { command: request } : request, options),
  );
}

/** Polls until the condition holds; fails long after any honest machine would have got there. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Live processes (zombies left out) whose group or session is the given one. */
export function membersOf(leader: number | null): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const belongs = Number(fields[2]) === leader || Number(fields[3]) === leader;
        return belongs && fields[0] !== 'Z' ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
}

/** Whether a live process has exactly this command line, in whatever namespace. */
export function isRunning(line: string): boolean {
  return readdirSync('/proc').some((name) => {
    try {
      const text = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      return /^\d+$/.test(name) && text.replaceAll('\0', ' ').trimEnd() === line;
    } catch {
      return false;
    }
  });
}

export async function collect(frames: AsyncIterable<OutputFrame>): Promise<OutputFrame[]> {
  const all: OutputFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

/** The bytes of the data frames, after checking that each starts where the one before ended. */
export function bytesOf(frames: readonly OutputFrame[], from = 0): Buffer {
  let offset = from;
  const pieces: Uint8Array[] = [];
  for (const frame of frames) {
    if (frame.type === 'gap') {
      if (frame.fromOffset !== offset) throw new Error(`gap at ${frame.fromOffset}, expected ${offset}`);
      offset = frame.toOffset;
    }
    if (frame.type !== 'data') continue;
    if (frame.offset !== offset) throw new Error(`frame at ${frame.offset}, expected ${offset}`);
    offset += frame.data.length;
    pieces.push(frame.data);
  }
  return Buffer.concat(pieces);
}
