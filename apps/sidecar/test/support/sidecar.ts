import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { startSidecar } from '../../src/start.ts';

export const TOKEN = 'a-token-for-tests-only';

/** Directories of one sidecar, and the settings that name them. */
export interface Place {
  directory: string;
  workspace: string;
  environment: NodeJS.ProcessEnv;
  remove(): Promise<void>;
}

export function makePlace(settings: NodeJS.ProcessEnv = {}): Place {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'sidecar-')));
  const workspace = join(directory, 'workspace');
  mkdirSync(workspace);
  const environment = {
    PATH: process.env.PATH,
    HOME: directory,
    SIDECAR_PORT: '0',
    SIDECAR_HOST: '127.0.0.1',
    SIDECAR_TOKEN: TOKEN,
    WORKSPACE_DIR: workspace,
    SIDECAR_STATE_DIR: join(directory, 'state'),
    LOG_LEVEL: 'silent',
    ...settings,
  };
  return {
    directory,
    workspace,
    environment,
    remove: async () => {
      endHost(directory);
      await until(() => !isNamed(directory), 'the end of the process host');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What a test has of a sidecar that serves. */
export interface Served {
  url: string;
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
}

export interface CallOptions {
  token?: string | null;
  key?: string;
  json?: unknown;
  body?: Uint8Array<ArrayBuffer> | string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

function served(port: number): Served {
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    call: (method, path, { token = TOKEN, key, json, body, headers, signal } = {}) =>
      fetch(`${url}${path}`, {
        method,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      }),
  };
}

/** A sidecar inside the test's own process. */
export async function startInProcess(place: Place): Promise<Served & { close(): Promise<void> }> {
  const sidecar = await startSidecar(loadConfig(place.environment), createLogger('silent'));
  return { ...served(sidecar.port), close: () => sidecar.close() };
}

export type SidecarProcess = Served & {
  child: ChildProcess;
  /** What it has printed beside its log. */
  errors(): string;
  /** Resolves when the process is gone. */
  kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

/** A sidecar as a process of its own, with the same port again when it is given. */
export async function startProcess(place: Place, settings: NodeJS.ProcessEnv = {}): Promise<SidecarProcess> {
  const { child, port, errors } = await spawnProgram('../../src/main.ts', {
    ...place.environment,
    ...settings,
  });
  const exited = exitOf(child);
  return {
    ...served(port),
    child,
    errors,
    kill: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

const Announcement = z.object({ port: z.int() });

/** Runs a program of the sidecar and waits for the port it prints. */
export async function spawnProgram(
  path: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ child: ChildProcess; port: number; ports: AsyncIterator<string>; errors(): string }> {
  const program = fileURLToPath(new URL(path, import.meta.url));
  const child = spawn(process.execPath, [program], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
    process.stderr.write(text);
  });
  const ports = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value, done } = await ports.next();
  if (done === true) throw new Error(`${path} ended before it listened`);
  return { child, port: portIn(value), ports, errors: () => errors };
}

export function portIn(line: string): number {
  return Announcement.parse(JSON.parse(line)).port;
}

export function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

/** Pid of the process host of a place; undefined when none is there. */
export function hostPid(directory: string): number | undefined {
  try {
    const lock: unknown = JSON.parse(readFileSync(join(directory, 'state/host/host.lock'), 'utf8'));
    return z.looseObject({ pid: z.int() }).parse(lock).pid;
  } catch {
    return undefined;
  }
}

function endHost(directory: string): void {
  const pid = hostPid(directory);
  if (pid === undefined || pid === process.pid) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // Gone already.
  }
}

/** Live processes whose command line names a directory: hosts, which write a last time when they end. */
function isNamed(directory: string): boolean {
  return readdirSync('/proc').some((entry) => {
    try {
      return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(`${directory}/`);
    } catch {
      return false;
    }
  });
}

/** Polls until the condition holds; fails long after any honest machine would have got there. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Frames of a raw stream. */
export async function framesIn(response: Response): Promise<import('@shadow/protocol').OutputWireFrame[]> {
  const { OutputFrameDecoder } = await import('@shadow/protocol');
  const decoder = new OutputFrameDecoder();
  const frames = [];
  for await (const chunk of response.body ?? []) frames.push(...decoder.push(chunk));
  return frames.filter(({ type }) => type !== 'heartbeat');
}

/** Events of an SSE stream, heartbeats left out. */
export async function eventsIn(
  response: Response,
  stop: (event: SseEvent) => boolean = () => false,
): Promise<SseEvent[]> {
  const events: SseEvent[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
      const event = { event: field('event'), id: field('id'), data: JSON.parse(field('data')) as unknown };
      if (event.event === 'heartbeat') continue;
      events.push(event);
      if (stop(event)) return events;
    }
  }
  return events;
}

export interface SseEvent {
  event: string;
  id: string;
  data: unknown;
}

const Answer = z.looseObject({
  created: z.boolean().optional(),
  nextOffset: z.int().optional(),
  processes: z.array(z.looseObject({})).optional(),
  frames: z.array(z.looseObject({})).optional(),
  process: z.looseObject({ state: z.string() }).optional(),
  result: z.looseObject({ stdout: z.string() }).optional(),
});

/** The parts of an answer that tests look at one by one. */
export async function answerOf(response: Response): Promise<z.infer<typeof Answer>> {
  return Answer.parse(await response.json());
}
