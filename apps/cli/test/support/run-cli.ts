import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const withTestServer = fileURLToPath(new URL('./cli-with-test-server.ts', import.meta.url));

/** A command line at work. */
export interface RunningCli {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  readonly done: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

export interface StartCliOptions {
  env?: Record<string, string>;
  input?: string;
  cwd?: string;
  /** Program and leading arguments; default this Node and the command line that starts the test server. */
  program?: readonly [string, ...string[]];
}

/** Starts the command line as a child process in an environment of its own. */
export function startCli(args: readonly string[], options: StartCliOptions = {}): RunningCli {
  const [program, ...leading] = options.program ?? [process.execPath, withTestServer];
  const child = spawn(program, [...leading, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.stdin.end(options.input ?? '');
  const done = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, stdout: () => stdout, stderr: () => stderr, done };
}

/** Runs it to its end. */
export function runCli(args: readonly string[], options?: StartCliOptions) {
  return startCli(args, options).done;
}
