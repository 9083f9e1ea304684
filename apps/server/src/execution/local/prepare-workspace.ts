import { constants, lchown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunAs } from '@shadow/workspace';
import { type GitEnvironment, gitOutput } from '../../git/git-command.ts';
import type { MirrorCache } from '../../git/mirror-cache.ts';
import { baseOfKept, pickStart, type StartRequest } from '../../git/pick-start.ts';
import type { RepositorySource } from '../../git/repository-source.ts';
import type { PreparedWorkspace, StepProgress } from '../interfaces/workspace-manager.ts';

export interface PrepareRequest extends StartRequest {
  source: RepositorySource;
  /** The task's directory; the working copy is made in `repo` inside it. */
  directory: string;
  runAs: RunAs | undefined;
}

/** Git settings of a working copy: parallel checkout pays from about a hundred files on. */
const CHECKOUT = [
  '-c',
  'checkout.workers=4',
  '-c',
  'checkout.thresholdForParallelism=100',
  '-c',
  'advice.detachedHead=false',
];

/**
 * Makes a working copy on its own branch. While the repository is asked what is new, the copy is already made from the
 * mirror; when the answer differs, the copy is moved to the new commit. Idempotent: a copy that was finished is kept, a
 * half one is made again.
 */
export async function prepareWorkspace(
  mirrors: MirrorCache,
  environment: GitEnvironment,
  request: PrepareRequest,
  progress: StepProgress,
): Promise<PreparedWorkspace> {
  const copy = join(request.directory, 'repo');
  if (await stat(copy).catch(() => undefined)) return describe(environment, request, copy);
  const fresh = join(request.directory, 'repo.new');
  await rm(fresh, { recursive: true, force: true });
  await makeDirectories(request);
  const fetching = { signal: progress.signal, log: progress.log };
  const speculation = speculate(mirrors, environment, request, fresh, progress);
  // The speculation's failure matters only once its result is wanted.
  speculation.catch(() => undefined);
  const refs = await mirrors.readRefs(request.source, fetching);
  const start = pickStart(refs, request, request.source.name);
  await mirrors.ensureCommit(request.source, start.commit, refs.defaultBranch, fetching);
  const guessed = await speculation.catch(() => undefined);
  if (guessed !== start.commit) {
    await rm(fresh, { recursive: true, force: true });
    await makeCopy(mirrors.path(request.source), environment, request, fresh, start.commit, progress);
  }
  await recordBase(mirrors.path(request.source), request, fresh, start);
  await rename(fresh, copy);
  return {
    ...start.base,
    branch: request.branch,
    path: copy,
    podName: undefined,
    start: { from: start.from, commit: start.commit },
  };
}

/** Makes the copy at the commit that the mirror believes in. @returns that commit; undefined without a mirror */
async function speculate(
  mirrors: MirrorCache,
  environment: GitEnvironment,
  request: PrepareRequest,
  fresh: string,
  progress: StepProgress,
): Promise<string | undefined> {
  if (!(await mirrors.exists(request.source))) return undefined;
  const mirror = mirrors.path(request.source);
  const { baseBranch } = request;
  // Asked for while the clone is made: only the checkout needs the answer.
  const commit =
    baseBranch === undefined
      ? mirrors.cachedDefault(request.source)
      : mirrors.cachedCommit(request.source, baseBranch);
  await makeCopy(mirror, environment, request, fresh, commit, progress);
  return commit;
}

/**
 * Clones by hard links and checks out. The checkout runs as the workspace's own user: it is the step that could run
 * what a repository configures. Objects stay owned by the server: the user reads them but cannot change the mirror's.
 */
async function makeCopy(
  mirror: string,
  environment: GitEnvironment,
  request: PrepareRequest,
  fresh: string,
  commit: string | Promise<string | undefined>,
  progress: StepProgress,
): Promise<void> {
  const { signal } = progress;
  await gitOutput(
    environment,
    ['clone', '--quiet', '--local', '--no-checkout', '--no-tags', '--origin', 'origin', '--', mirror, fresh],
    { signal },
  );
  if (request.runAs !== undefined) await giveAway(fresh, request.runAs);
  const own = { signal, runAs: request.runAs, cwd: fresh };
  const git = asOwner(environment, request);
  const start = await commit;
  if (start === undefined) return;
  await gitOutput(git, [...CHECKOUT, 'checkout', '--quiet', '-B', request.branch, start], own);
}

/**
 * Names the real origin and the base in the copy's configuration. The file is git's own of a moment ago, and nobody else
 * has been there yet: written directly it costs no process.
 */
async function recordBase(
  mirror: string,
  request: PrepareRequest,
  fresh: string,
  base: { branch: string; commit: string },
): Promise<void> {
  const path = join(fresh, '.git', 'config');
  const config = await readFile(path, 'utf8');
  const origin = config
    .split('\n')
    .map((line) => (line.trim() === `url = ${mirror}` ? `\turl = ${quoted(request.source.url)}` : line))
    .join('\n');
  // A root-run server writes into another user's directory: never through a link.
  const flag = constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW;
  await writeFile(path, `${origin}[shadow]\n\tbase = ${quoted(`${base.commit} ${base.branch}`)}\n`, { flag });
}

/** A value as git-config(1) has it; repositories and branches hold no control characters. */
function quoted(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A finished copy tells what it was made from. */
async function describe(
  environment: GitEnvironment,
  request: PrepareRequest,
  copy: string,
): Promise<PreparedWorkspace> {
  const own = { runAs: request.runAs, cwd: copy };
  const recorded = await gitOutput(asOwner(environment, request), ['config', 'shadow.base'], own);
  const [baseCommit = '', ...branch] = recorded.trim().split(' ');
  const base = baseOfKept({ baseBranch: branch.join(' '), baseCommit }, request);
  return { ...base, branch: request.branch, path: copy, podName: undefined };
}

/** Git as the workspace's user sees neither the server's configuration nor its home. */
function asOwner(environment: GitEnvironment, request: PrepareRequest): GitEnvironment {
  const { PATH = '/usr/local/bin:/usr/bin:/bin' } = environment.variables;
  return {
    variables: {
      PATH,
      HOME: join(request.directory, 'home'),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
    },
  };
}

async function makeDirectories(request: PrepareRequest): Promise<void> {
  await mkdir(request.directory, { recursive: true, mode: 0o755 });
  for (const name of ['home', 'tmp']) {
    const path = join(request.directory, name);
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (request.runAs !== undefined) await lchown(path, request.runAs.uid, request.runAs.gid);
  }
}

/** Changes the owner of a fresh clone, but of no object file: those are the mirror's own inodes. */
async function giveAway(directory: string, owner: RunAs): Promise<void> {
  const visit = async (path: string, insideObjects: boolean): Promise<void> => {
    await lchown(path, owner.uid, owner.gid);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) await visit(child, insideObjects || entry.name === 'objects');
      else if (!insideObjects) await lchown(child, owner.uid, owner.gid);
    }
  };
  await visit(directory, false);
}
