import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createApiClient } from '@shadow/client';
import { ShadowError } from '@shadow/protocol';
import * as z from 'zod';

/** Milliseconds that a server has to say it lives. */
const HEALTH_TIMEOUT_MS = 5000;

/** What the server writes to `server.json` in its home while it runs. */
const ServerFile = z.object({ url: z.url(), pid: z.int().positive(), startedAt: z.string() });

/** Where a server is and the key for it. */
export interface ServerAccess {
  readonly url: string;
  readonly apiKey: string;
}

/** The URL of the server that runs on this home; undefined when there is none. */
export async function findServer(home: string): Promise<string | undefined> {
  const file = ServerFile.safeParse(await readJson(join(home, 'server.json')));
  if (!file.success || !isAlive(file.data.pid)) return undefined;
  return (await isShadow(file.data.url)) ? file.data.url : undefined;
}

/** Whether a Shadow server answers at this URL, be it well or not. */
export async function isShadow(url: string): Promise<boolean> {
  const client = createApiClient({ baseUrl: url });
  try {
    await client.getHealth({ signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    return true;
  } catch (error) {
    return error instanceof ShadowError && error.code === 'DATABASE_UNREACHABLE';
  }
}

/** The owner's key, which the server keeps for the command line. */
export async function readCliKey(home: string): Promise<string> {
  const path = join(home, 'cli-key');
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    const message = `Cannot read ${path}. It belongs to the user who started the server; set SHADOW_API_KEY otherwise.`;
    throw new ShadowError('UNAUTHENTICATED', message, { cause });
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    // Missing, unreadable or half written: all the same as no server.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is alive though we may not signal it.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
