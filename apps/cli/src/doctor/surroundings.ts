import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { findServer, isShadow } from '../server/find-server.ts';
import type { CheckResult } from './check.ts';

const GIB = 1024 ** 3;
/** Bytes below which a first start cannot make its database and a workspace. */
const DISK_NEEDED = GIB;
/** Bytes below which a few workspaces fill the disk. */
const DISK_WISHED = 5 * GIB;

const KEYS = ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'OPENAI_COMPATIBLE_BASE_URL'] as const;

/** The Node that runs this is the one that would run the server. */
export async function checkNode(): Promise<CheckResult> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18))
    return { level: 'ok', text: `Node ${process.versions.node}` };
  const mend = 'Run "npm ci" with optional packages, which brings a newer one, or install Node 24.';
  return { level: 'missing', text: `Node ${process.versions.node} is too old`, mend };
}

/** Room where Shadow keeps everything. */
export async function checkDisk(home: string): Promise<CheckResult> {
  const stats = await statOfNearest(home);
  const free = stats.bavail * stats.bsize;
  const text = `${(free / GIB).toFixed(1)} GiB free for ${home}`;
  if (free >= DISK_WISHED) return { level: 'ok', text };
  const mend = 'Make room, or set SHADOW_HOME to a directory on a larger disk.';
  return { level: free < DISK_NEEDED ? 'missing' : 'warning', text, mend };
}

/** The port is free, or Shadow itself has it. */
export async function checkPort(home: string, port: number): Promise<CheckResult> {
  const running = await findServer(home);
  if (running !== undefined) return { level: 'ok', text: `Shadow runs at ${running}` };
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return { level: 'missing', text: 'API_PORT is no port', mend: 'Set it to a number from 0 to 65535.' };
  }
  if (await isFree(port)) return { level: 'ok', text: `port ${port} is free` };
  if (await isShadow(`http://127.0.0.1:${port}`)) {
    return { level: 'ok', text: `port ${port} is Shadow's, on another SHADOW_HOME` };
  }
  const mend = `End what uses it, or choose another: API_PORT=${port === 65_535 ? port - 1 : port + 1} npm start`;
  return { level: 'missing', text: `port ${port} is used by something else`, mend };
}

/** Model providers that the environment configures. */
export async function checkKeys(environment: NodeJS.ProcessEnv): Promise<CheckResult> {
  const set = KEYS.filter((name) => Boolean(environment[name]));
  if (set.length > 0) return { level: 'ok', text: `models: ${set.join(', ')} set` };
  return {
    level: 'warning',
    text: 'models: no key in the environment; the demo works without one',
    mend: `Set one of ${KEYS.join(', ')}, or add a key in the settings of the web UI.`,
  };
}

/** Statistics of the file system that a path is on or will be on. */
async function statOfNearest(path: string): Promise<StatsFs> {
  try {
    return await statfs(path);
  } catch (error) {
    const parent = dirname(path);
    if (parent === path) throw error;
    return statOfNearest(parent);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
