import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ApiClient, createApiClient, createRealtimeClient, type RealtimeClient } from '@shadow/client';
import type { Task, TaskEvent, TaskStatus } from '@shadow/protocol';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Milliseconds a server or a task may take in a test before it is given up. */
const PATIENCE_MS = 60_000;

/** A real server in a process of its own, with its real database. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly signInUrl: string;
  readonly home: string;
  readonly pid: number;
  /** As the owner, by the CLI's key. */
  readonly api: ApiClient;
  readonly realtime: RealtimeClient;
  /** Ends it by SIGTERM and gives the exit code. */
  stop(): Promise<number | null>;
  /** Ends it by SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  /** What it wrote to standard error so far. */
  log(): string;
  /** Closes the pipes that its output goes to, as the death of whoever started it does. */
  closeOutput(): void;
}

/** The variables of this process without any that would configure the server. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TMPDIR, SHADOW_SERVER_COVERAGE } = process.env;
  return {
    PATH,
    HOME,
    LANG,
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    // scripts/coverage.mjs counts what the servers have run.
    ...(SHADOW_SERVER_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE: SHADOW_SERVER_COVERAGE }),
  };
}

/** Starts the server on a home. @throws with its log when it does not come up */
export async function startServer(
  home: string,
  environment: Record<string, string> = {},
): Promise<RunningServer> {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...cleanEnvironment(), SHADOW_HOME: home, API_PORT: '0', SHADOW_PRINT: 'json', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-200_000);
  });
  const ready = await readyLine(child, () => log);
  const apiKey = (await readFile(join(home, 'cli-key'), 'utf8')).trim();
  const api = createApiClient({ baseUrl: ready.url, apiKey });
  const realtime = createRealtimeClient({ baseUrl: ready.url, apiKey });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    realtime.close();
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  };
  return {
    ...ready,
    home,
    pid: child.pid ?? 0,
    api,
    realtime,
    log: () => log,
    closeOutput: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    [Symbol.asyncDispose]: async () => void (await end('SIGTERM')),
  };
}

async function readyLine(
  child: ChildProcess,
  log: () => string,
): Promise<{ url: string; signInUrl: string }> {
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code} before it was ready:\n${log()}`);
  });
  const first = once(lines, 'line').then(
    ([line]) => JSON.parse(line as string) as { url: string; signInUrl: string },
  );
  return Promise.race([first, exited]);
}

/** Runs the server until it ends by itself and gives what it said: for starts that must be refused. */
export async function failedStart(
  home: string,
  environment: Record<string, string> = {},
): Promise<{ code: number; stderr: string }> {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...cleanEnvironment(), SHADOW_HOME: home, API_PORT: '0', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: PATIENCE_MS,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, stderr };
}

/**
 * Follows a task until an event is what is waited for.
 *
 * @param patienceMs milliseconds that it may take
 * @returns every event up to it, in order
 */
export function followUntil(
  server: RunningServer,
  taskId: string,
  isLast: (event: TaskEvent) => boolean,
  afterSeq = 0,
  patienceMs = PATIENCE_MS,
): Promise<TaskEvent[]> {
  return new Promise((resolve, reject) => {
    const seen: TaskEvent[] = [];
    const timer = setTimeout(() => {
      stop();
      const last = seen.slice(-5).map((event) => JSON.stringify(event).slice(0, 300));
      reject(
        new Error(
          `what was waited for did not come; last events:\n${last.join('\n')}\n${server.log().slice(-3000)}`,
        ),
      );
    }, patienceMs);
    const stop = server.realtime.followTask(taskId, {
      afterSeq,
      onEvents: (events) => {
        for (const event of events) {
          seen.push(event);
          if (!isLast(event)) continue;
          clearTimeout(timer);
          stop();
          resolve(seen);
          return;
        }
      },
    });
  });
}

const SETTLED: ReadonlySet<TaskStatus> = new Set([
  'ready-for-review',
  'failed',
  'stopped',
  'interrupted',
  'awaiting-approval',
]);

/** Follows a task until it rests. */
export function followUntilSettled(
  server: RunningServer,
  taskId: string,
  afterSeq = 0,
  patienceMs = PATIENCE_MS,
): Promise<TaskEvent[]> {
  return followUntil(
    server,
    taskId,
    (event) => event.type === 'status' && SETTLED.has(event.status),
    afterSeq,
    patienceMs,
  );
}

/** Creates a task and follows it until it rests. */
export async function runTask(
  server: RunningServer,
  body: Parameters<ApiClient['createTask']>[0]['body'],
): Promise<{ task: Task; events: TaskEvent[] }> {
  const created = await server.api.createTask({ body });
  const events = await followUntilSettled(server, created.id);
  return { task: await server.api.getTask({ params: { taskId: created.id } }), events };
}

/** Directory of the workspaces of a home: inside it, since tests make homes that others may enter. */
export function workspacesOf(home: string): string {
  return join(home, 'workspaces');
}
