import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import * as z from 'zod';
import { createRemoteToolExecutor } from '../../../../src/execution/remote/create-remote-tool-executor.ts';
import type { RemoteToolExecutor } from '../../../../src/execution/remote/remote-tool-executor.ts';
import type { SidecarClientOptions } from '../../../../src/execution/remote/sidecar-client.ts';
import { findProcesses } from '../../../support/processes.ts';
import { until } from '../../../support/until.ts';

const MAIN = fileURLToPath(new URL('../../../../../sidecar/src/main.ts', import.meta.url));
const COMPILE_CACHE = fileURLToPath(new URL('../../../../../../node_modules/.cache/shadow', import.meta.url));
export const TOKEN = 'a-token-for-tests-only';

/** A sidecar as a process of its own, always on the same port, that can be killed and started again. */
export class TestSidecar {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'remote-')));
  readonly workspace = join(this.directory, 'workspace');
  #child: ChildProcess | undefined;
  #port = 0;

  static async start(): Promise<TestSidecar> {
    const sidecar = new TestSidecar();
    mkdirSync(sidecar.workspace);
    sidecar.#port = await freePort();
    await sidecar.start();
    return sidecar;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    // As the image starts it.
    const child = spawn(process.execPath, ['--max-semi-space-size=1', MAIN], {
      env: {
        NODE_COMPILE_CACHE: COMPILE_CACHE,
        PATH: process.env.PATH,
        HOME: this.directory,
        SIDECAR_PORT: String(this.#port),
        SIDECAR_TOKEN: TOKEN,
        WORKSPACE_DIR: this.workspace,
        SIDECAR_STATE_DIR: join(this.directory, 'state'),
        LOG_LEVEL: 'silent',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', () => reject(new Error('the sidecar ended before it listened')));
    });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  /** Pid of the process host. */
  hostPid(): number {
    const lock: unknown = JSON.parse(readFileSync(join(this.directory, 'state/host/host.lock'), 'utf8'));
    return z.looseObject({ pid: z.int() }).parse(lock).pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A second start, where a test left it killed, since only a living sidecar ends its host.
    if (this.#child === undefined) await this.start();
    await this.kill('SIGTERM');
    // The host writes a last time when it ends.
    await until(
      'the process host ended',
      async () => (await findProcesses(`${this.directory}/`)).length === 0,
    );
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** An executor with short pauses. */
export async function executorOn(
  port: number,
  options: Partial<SidecarClientOptions> = {},
): Promise<RemoteToolExecutor> {
  const made = await createRemoteToolExecutor(clientOptions(port, options));
  if (!made.success) throw new Error(made.error.message);
  return made.executor;
}

export function clientOptions(
  port: number,
  options: Partial<SidecarClientOptions> = {},
): SidecarClientOptions {
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    token: TOKEN,
    log: pino({ level: 'silent' }),
    retryDelaysMs: [20, 200, 2000],
    ...options,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
