import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type DatabaseLog, type EmbeddedPostgres, startEmbeddedPostgres } from '../src/index.ts';

export const isRoot = process.geteuid?.() === 0;

const silent = () => undefined;
export const log: DatabaseLog = { debug: silent, info: silent, warn: silent, error: silent };

/** A SHADOW_HOME that is removed when the scope ends. */
export async function temporaryHome(prefix = 'shadow-db-'): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** A running PostgreSQL in a home of its own. */
export async function temporaryPostgres(): Promise<
  { server: EmbeddedPostgres; home: string } & AsyncDisposable
> {
  await using undo = new AsyncDisposableStack();
  const home = undo.use(await temporaryHome());
  const server = undo.use(await startEmbeddedPostgres({ home: home.path, log }));
  const resources = undo.move();
  return { server, home: home.path, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** Runs one statement on a connection of its own. */
export async function query(
  connectionString: string,
  text: string,
  values: unknown[] = [],
): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString });
  client.on('error', silent);
  try {
    await client.connect();
    return await client.query(text, values);
  } finally {
    await client.end().catch(silent);
  }
}

/** Creates an empty database beside the server's own. */
export async function createEmptyDatabase(connectionString: string, name: string): Promise<string> {
  await query(connectionString, `CREATE DATABASE "${name}"`);
  return connectionString.replace('/postgres?', `/${name}?`);
}

/** Looks until the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 25_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within 25 s: ${what}`);
    await delay(20);
  }
}

/** Whether the process runs; one that has ended and that nobody has waited for does not. */
export function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return /^[^Z]/.test(stdout.trim());
}

/** A program in test/fixtures that prints a line of JSON for each thing that it did. */
export interface Fixture extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Lines so far, parsed. */
  readonly lines: readonly unknown[];
  /** Waits for the line with this number; fails when the program ends before it. */
  line(index: number): Promise<unknown>;
  ended(): Promise<number | null>;
}

/** Starts a fixture, as another user when told so. */
export function startFixture(name: string, args: readonly string[], options: { uid?: number } = {}): Fixture {
  const identity = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fixtures', name), ...args], {
    ...identity,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: unknown[] = [];
  let errors = '';
  createInterface({ input: child.stdout }).on('line', (text) => lines.push(JSON.parse(text)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exit = once(child, 'exit');
  const line = async (index: number) => {
    await until(() => lines.length > index || child.exitCode !== null, `${name} prints line ${index}`);
    if (lines.length <= index)
      throw new Error(`${name} ended with ${child.exitCode}: ${errors.slice(-2000)}`);
    return lines[index];
  };
  const ended = async () => {
    await exit;
    return child.exitCode;
  };
  return {
    child,
    lines,
    line,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exit;
    },
  };
}
