import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ShadowError } from '@shadow/protocol';
import * as z from 'zod';

/** Milliseconds until a server must be ready; the first start makes a database. */
const READY_TIMEOUT_MS = 120_000;
/** Milliseconds that a server has to checkpoint its turns and end. */
const END_TIMEOUT_MS = 60_000;
/** Lines of the server's log that are kept to explain a failed start. */
const KEPT_LINES = 20;

/** The line that a server prints when it is ready, under SHADOW_PRINT=json. */
const ReadyLine = z.object({ type: z.literal('ready'), url: z.url() });

/** A server that was started for one command. */
export interface StartedServer {
  readonly url: string;
  /** Resolves when the server's process is gone. */
  readonly exited: Promise<void>;
  /** Asks it to end and waits until it has. */
  stop(): Promise<void>;
}

export interface StartServerOptions {
  /** Path of the server's program. */
  entry: string;
  home: string;
  environment: NodeJS.ProcessEnv;
  /** Aborting ends the start and the server. */
  signal: AbortSignal;
  /** Given at once, before the server is ready, what asks it to end without waiting. */
  onSpawned: (terminate: () => void) => void;
}

/**
 * Starts a server on a free port and waits until it is ready.
 *
 * @throws ShadowError UNAVAILABLE with the end of its log when it does not come up, CANCELLED after an abort
 */
export async function startServer(options: StartServerOptions): Promise<StartedServer> {
  const child = spawn(process.execPath, [options.entry], {
    env: { ...options.environment, SHADOW_HOME: options.home, API_PORT: '0', SHADOW_PRINT: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group: Ctrl+C is for us, who stop the task before the server.
    detached: true,
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const server = {
    exited,
    terminate: () => void child.kill('SIGTERM'),
    stop: () => stopChild(child, exited),
  };
  const log = keepTail(child.stderr);
  try {
    return { ...server, url: await untilReady(child, exited, log, options.signal) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function untilReady(
  child: ChildProcess & { stdout: Readable },
  exited: Promise<void>,
  log: () => string,
  signal: AbortSignal,
): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(READY_TIMEOUT_MS)]);
  const aborted = new Promise<undefined>((resolve) => {
    if (limit.aborted) resolve(undefined);
    limit.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const url = await Promise.race([readyUrl(child.stdout), exited.then(() => undefined), aborted]);
  if (url !== undefined) return url;
  if (signal.aborted) throw new ShadowError('CANCELLED', 'The start of the server was cancelled.');
  const what = limit.aborted
    ? `was not ready after ${READY_TIMEOUT_MS / 1000} s`
    : 'ended before it was ready';
  const said = log();
  throw new ShadowError('UNAVAILABLE', `The server ${what}${said === '' ? '.' : `:\n${said}`}`);
}

function readyUrl(stdout: Readable): Promise<string> {
  return new Promise((resolve) => {
    // Goes on reading for as long as the server lives, so that its output never blocks it.
    createInterface({ input: stdout }).on('line', (line) => {
      const ready = ReadyLine.safeParse(parseJson(line));
      if (ready.success) resolve(ready.data.url);
    });
  });
}

function keepTail(stderr: Readable): () => string {
  const lines: string[] = [];
  createInterface({ input: stderr }).on('line', (line) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  });
  return () => lines.join('\n');
}

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
  await exited;
  clearTimeout(kill);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
