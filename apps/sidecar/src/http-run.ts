import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { siblingModule } from '@shadow/workspace/sibling-module';

/** How a run of the HTTP process ended. */
export interface Exit {
  /** Null where it is not known, or a signal ended it; a shell tells a signal as 128 and its number. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Milliseconds that it ran. */
  ranMs: number;
}

/** One run of the HTTP process. */
export interface HttpRun {
  readonly exit: Promise<Exit>;
  /** Sends it a signal; nothing happens where it has ended. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts the HTTP process. The channel tells it when this process is gone, however it died. */
export function startHttpProcess(): HttpRun {
  const startedAt = performance.now();
  const main = fileURLToPath(siblingModule('./main', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, main], {
    env: { ...process.env, SIDECAR_SUPERVISED: 'true' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exit = new Promise<Exit>((resolve) => {
    const ended = (code: number | null, signal: NodeJS.Signals | null) =>
      resolve({ code, signal, ranMs: performance.now() - startedAt });
    child.once('error', () => ended(1, null));
    child.once('exit', ended);
  });
  return { exit, kill: (signal) => void child.kill(signal) };
}

/**
 * The HTTP process that `reaper.sh` has started together with this one.
 *
 * @param told a line with its process id, and one with its status when it has ended
 */
export function adoptHttpProcess(told: Readable): HttpRun {
  const startedAt = performance.now();
  const wanted: NodeJS.Signals[] = [];
  let text = '';
  let hasEnded = false;
  const send = () => {
    const pid = /^(\d+)\n/.exec(text)?.[1];
    if (pid === undefined || hasEnded) return;
    for (const signal of wanted.splice(0)) killIfThere(Number(pid), signal);
  };
  const exit = new Promise<Exit>((resolve) => {
    told.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const status = /^\d+\n(\d+)\n/.exec(text)?.[1];
      if (status !== undefined) ended(Number(status));
      else send();
    });
    const ended = (code: number | null) => {
      hasEnded = true;
      resolve({ code, signal: null, ranMs: performance.now() - startedAt });
    };
    told.once('close', () => ended(null)).on('error', () => {});
  });
  return {
    exit,
    kill: (signal) => {
      wanted.push(signal);
      send();
    },
  };
}

function killIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended, and its status is on its way.
  }
}
