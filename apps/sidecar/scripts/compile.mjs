// node compile.mjs COMMAND…: starts the sidecar by this command, lets it answer its first calls and ends it, so that Node's
// compile cache holds what a pod needs first. Fails if it does not answer or does not end well.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const START_MS = 60_000;
const TOKEN = randomBytes(32).toString('base64');
const HOME = '/tmp/run';
const URL_BASE = 'http://127.0.0.1:18080';

const [file, ...args] = process.argv.slice(2);
const sidecar = spawn(file, args, {
  stdio: 'inherit',
  env: {
    ...process.env,
    SIDECAR_TOKEN: TOKEN,
    SIDECAR_HOST: '127.0.0.1',
    SIDECAR_PORT: '18080',
    SIDECAR_METRICS_PORT: '19464',
    WORKSPACE_DIR: `${HOME}/repo`,
    SIDECAR_STATE_DIR: `${HOME}/state`,
    HOME,
  },
});
const ended = once(sidecar, 'exit');

async function answers() {
  const response = await fetch(`${URL_BASE}/health/ready`).catch(() => undefined);
  return response?.ok === true;
}

async function call(method, path, body, accept = 'application/json') {
  const response = await fetch(`${URL_BASE}${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, accept, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

const deadline = Date.now() + START_MS;
while (!(await answers())) {
  if (sidecar.exitCode !== null || Date.now() > deadline) throw new Error('the sidecar does not answer');
  await delay(100);
}
await call('GET', '/api/workspace');
await call('PUT', '/api/execute/first', { command: '/bin/true' }, 'application/vnd.shadow.output-frames');
sidecar.kill('SIGTERM');
const [code] = await ended;
if (code !== 0) throw new Error(`the sidecar ended with ${code}`);
