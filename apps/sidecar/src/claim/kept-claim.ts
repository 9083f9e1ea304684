import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkspaceEnvironment } from '@shadow/protocol';

/** Not the token itself: commands of the workspace are the same user and could read it. */
const TOKEN_DIGEST = 'token-sha256';
const DIGEST = /^[0-9a-f]{64}$/;
const ENVIRONMENT = 'environment.json';
const TEMPORARY = /^(token-sha256|environment\.json)\.[0-9a-f-]{36}$/;
/** Beyond what any claim may hold; the agent shares the volume and could leave anything there. */
const MAX_BYTES = 64 * 1024 * 1024;

/** A claim as the volume holds it. */
export interface KeptClaim {
  readonly tokenDigest: Buffer;
  readonly environment: WorkspaceEnvironment;
}

/**
 * The claim that an earlier process kept. What a killed one left half-written is removed.
 *
 * @param stateDir directory on the workspace's volume
 * @returns undefined when none was kept, or when what is there is not one
 */
export async function readKeptClaim(stateDir: string): Promise<KeptClaim | undefined> {
  const leftovers = (await readdir(stateDir)).filter((name) => TEMPORARY.test(name));
  await Promise.all(leftovers.map((name) => rm(join(stateDir, name), { force: true })));
  const digest = (await readPlainFile(join(stateDir, TOKEN_DIGEST)))?.trim() ?? '';
  if (!DIGEST.test(digest)) return undefined;
  const environment = WorkspaceEnvironment.safeParse(
    parseJson(await readPlainFile(join(stateDir, ENVIRONMENT))),
  );
  return { tokenDigest: Buffer.from(digest, 'hex'), environment: environment.data ?? {} };
}

/** Makes a claim outlive everything but the volume. The token's digest comes last: with it the claim has happened. */
export async function writeKeptClaim(
  stateDir: string,
  { tokenDigest, environment }: KeptClaim,
): Promise<void> {
  // None that is not there is what an empty one says, too, and costs no wait for the disk.
  const isNone = Object.keys(environment).length === 0 && !(await isThere(join(stateDir, ENVIRONMENT)));
  if (!isNone) await writeDurably(stateDir, ENVIRONMENT, JSON.stringify(environment));
  await writeDurably(stateDir, TOKEN_DIGEST, tokenDigest.toString('hex'));
}

async function writeDurably(directory: string, name: string, text: string): Promise<void> {
  const temporary = join(directory, `${name}.${randomUUID()}`);
  await using file = await open(temporary, 'wx', 0o600);
  await file.writeFile(text);
  await file.sync();
  await rename(temporary, join(directory, name));
  // A rename is durable when its directory is.
  await using parent = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  await parent.sync();
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** The text of a regular file; never through a link and never waiting for a pipe's writer. */
async function readPlainFile(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stats = await file.stat();
    return stats.isFile() && stats.size <= MAX_BYTES ? await file.readFile('utf8') : undefined;
  } finally {
    await file.close();
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '{}');
  } catch {
    return undefined;
  }
}
