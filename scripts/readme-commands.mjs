// Runs every command of the README's shell blocks on this checkout: `npm start` until it prints its URL, the rest to the end.
// Commands given as arguments are left out: CI has run them as steps of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './run.mjs';

const skipped = new Set(process.argv.slice(2));
const FIRST_START_MS = 60_000;
const NEXT_START_MS = 5_000;

const readme = await readFile(join(root, 'README.md'), 'utf8');
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) =>
  block.trim().split('\n'),
);
const home = await mkdtemp(join(tmpdir(), 'shadow-readme-'));
const environment = { ...process.env, SHADOW_HOME: join(home, 'home'), API_PORT: '0' };

/** A shell of its own process group, as a terminal would have it. */
function shell(command, options = {}) {
  return spawn('sh', ['-c', command], { cwd: root, env: environment, detached: true, ...options });
}

async function run(command) {
  const [code] = await once(shell(command, { stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new Error(`"${command}" ended with ${code}`);
}

/** Starts, waits for the URL, presses Ctrl+C. @returns milliseconds to the URL */
async function start(command) {
  const startedAt = performance.now();
  const child = shell(command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let elapsed;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!/http:\/\/\S+token=/.test(line)) continue;
    elapsed = performance.now() - startedAt;
    process.kill(-child.pid, 'SIGINT');
  }
  const [code, signal] = await ended;
  if (elapsed === undefined)
    throw new Error(`"${command}" ended with ${code ?? signal} before it printed its URL`);
  // npm and its shell end by the signal they shared with the server, once the server is gone.
  if (code !== 0 && signal !== 'SIGINT')
    throw new Error(`after Ctrl+C "${command}" ended with ${code ?? signal}`);
  if (existsSync(join(environment.SHADOW_HOME, 'server.json')))
    throw new Error('the server did not end cleanly');
  return elapsed;
}

function within(milliseconds, limit, what) {
  console.log(`${what}: ${(milliseconds / 1000).toFixed(1)} s to the URL (limit ${limit / 1000} s)`);
  // A loaded machine is no reason to fail a change: the figure is printed, the bound is generous.
  if (milliseconds > limit * 3) throw new Error(`${what} took too long`);
}

try {
  for (const line of commands) {
    for (const command of line.split(' && ')) {
      if (skipped.has(command)) continue;
      console.log(`$ ${command}`);
      if (command === 'npm start') {
        within(await start(command), FIRST_START_MS, 'first start');
        within(await start(command), NEXT_START_MS, 'second start');
      } else await run(command);
    }
  }
} finally {
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
}
