// Builds what must be built (the database client, the web UI); turbo answers from its cache when nothing changed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const MINIMUM = [22, 18];

/** Ends with a clear message on a Node that cannot run TypeScript sources. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return;
  console.error(
    `Shadow needs Node ${MINIMUM.join('.')} or newer; this is ${process.version}. On Linux "npm ci" brings Node 24 along ` +
      '(run it without --omit=optional); elsewhere install a current Node from https://nodejs.org.',
  );
  process.exit(1);
}

/** Runs turbo tasks of the workspaces. Ends the process when one fails. */
export async function turbo(...args) {
  const bin = createRequire(import.meta.url).resolve('turbo/bin/turbo');
  const child = spawn(
    process.execPath,
    [bin, 'run', ...args, '--output-logs=errors-only', '--no-update-notifier'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
    },
  );
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const [code] = await once(child, 'close');
  if (code === 0) return;
  process.stderr.write(Buffer.concat(output));
  process.exit(code ?? 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  requireNode();
  await turbo('build');
}
