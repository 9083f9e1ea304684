import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ShadowError } from '@shadow/protocol';
import * as z from 'zod';

const MAIN = fileURLToPath(new URL('../../../../sidecar/src/main.ts', import.meta.url));
const READY_MS = 60_000;
/** What the sidecar writes on its first line. */
const Ready = z.object({ port: z.int() });

export interface SidecarProcessOptions {
  /** Absolute path of the tree that it serves. */
  workspaceDir: string;
  /** Absolute path, outside of the tree. */
  stateDir: string;
  token: string;
  /** Environment of the sidecar and so of commands: PATH, HOME, LANG. */
  environment: Readonly<Record<string, string>>;
}

/** A real sidecar as a child process on loopback. */
export interface SidecarProcess extends AsyncDisposable {
  readonly baseUrl: string;
  readonly pid: number;
  /** Ends it, with its commands, and waits for that. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a sidecar on a free port. @throws ShadowError UNAVAILABLE when it does not come up, with what it said */
export async function startSidecarProcess(options: SidecarProcessOptions): Promise<SidecarProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...options.environment,
      SIDECAR_PORT: '0',
      SIDECAR_TOKEN: options.token,
      WORKSPACE_DIR: options.workspaceDir,
      SIDECAR_STATE_DIR: options.stateDir,
      LOG_LEVEL: 'silent',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  };
  try {
    const { port } = await readiness(child, exited);
    return { baseUrl: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function readiness(child: ChildProcess, exited: Promise<void>): Promise<z.infer<typeof Ready>> {
  let said = '';
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    const fail = (): void =>
      reject(new ShadowError('UNAVAILABLE', `The sidecar did not come up. ${complaint.trim()}`));
    const timer = setTimeout(fail, READY_MS);
    void exited.then(fail).finally(() => clearTimeout(timer));
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      const end = said.indexOf('\n');
      if (end === -1) return;
      clearTimeout(timer);
      resolve(Ready.parse(JSON.parse(said.slice(0, end))));
    });
  });
}
