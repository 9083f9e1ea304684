import type { Readable } from 'node:stream';
import { type ErrorCode, type GitRestoreRequest, ShadowError, unwrap } from '@shadow/protocol';
import type { RemoteConfig } from '../../../config/remote-config.ts';
import type { MirrorCache } from '../../../git/mirror-cache.ts';
import { baseOfKept, type PickedStart, pickStart } from '../../../git/pick-start.ts';
import type { RepositorySource } from '../../../git/repository-source.ts';
import type { PreparedWorkspace, StepProgress, WorkspaceSpec } from '../../interfaces/workspace-manager.ts';
import type { RemoteToolExecutor } from '../remote-tool-executor.ts';

/** Where repositories come from. */
export interface CloneSources {
  readonly mirrors: MirrorCache;
  readonly clone: RemoteConfig['clone'];
  /** Whether pods may connect to anything outside. */
  readonly egress: RemoteConfig['workspaces']['egress'];
  resolveRepository(repository: string): Promise<RepositorySource>;
  /** A bundle of every branch of a mirror. */
  openBundle(mirror: string, signal: AbortSignal): Readable;
}

type Prepared = Pick<PreparedWorkspace, 'baseBranch' | 'baseCommit' | 'branch' | 'start'>;
type Start = PickedStart & { defaultBranch: string | null };

/** What a clone in the pod may fail with that a bundle from the server does not. */
const NOT_FROM_THERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'REPOSITORY_ACCESS_DENIED',
  'REPOSITORY_NOT_FOUND',
  'REPOSITORY_UNREACHABLE',
  'TIMEOUT',
]);

/** Milliseconds within which a clone in the pod must say something: a packet that no policy lets through says nothing. */
const SILENCE_MS = 20_000;

/**
 * CLONE_TO_POD: the repository is in the pod afterwards, at the start that the server resolved with its own access. No
 * credential goes there: what the pod cannot read by itself comes as a bundle from the server's mirror.
 * @param holdsRepository whether a finished clone is there already
 * @throws ShadowError as reading the repository and cloning do
 */
export async function cloneToPod(
  sources: CloneSources,
  executor: RemoteToolExecutor,
  spec: WorkspaceSpec,
  holdsRepository: boolean,
  progress: StepProgress,
): Promise<Prepared> {
  const source = await sources.resolveRepository(spec.repository);
  if (holdsRepository) return await kept(executor, source, spec, progress);
  const { signal, log } = progress;
  const refs = await sources.mirrors.readRefs(source, { signal });
  const start = { ...pickStart(refs, spec, source.name), defaultBranch: refs.defaultBranch };
  if (start.from === 'pushed') log(`Going on from the branch ${start.branch} as it was pushed.`);
  const prepared = {
    ...start.base,
    branch: spec.branch,
    start: { from: start.from, commit: start.commit },
  };
  if (isForThePod(sources, source)) {
    if (await cloneThere(sources, executor, source, { ...spec, start }, progress)) return prepared;
  } else {
    log(`Sending ${source.name} from the server’s mirror.`);
  }
  await sendBundle(sources, executor, source, { ...spec, start }, progress);
  return prepared;
}

/** A volume that was cloned to before: what is there is not touched, and the repository is not asked. */
async function kept(
  executor: RemoteToolExecutor,
  source: RepositorySource,
  spec: WorkspaceSpec,
  { signal, log }: StepProgress,
): Promise<Prepared> {
  const { branch } = spec;
  log('The workspace is as it was left.');
  const recorded = unwrap(
    await executor.gitClone({ url: source.url, branch, originUrl: source.url }, { signal }),
  );
  return { ...baseOfKept(recorded, spec), branch };
}

/** Only what anybody may read: an address that a pod can use without a credential. */
function isForThePod({ clone, egress }: CloneSources, source: RepositorySource): boolean {
  if (clone === 'bundle' || source.kind !== 'remote' || !URL.canParse(source.url)) return false;
  const { protocol, username, password } = new URL(source.url);
  if (!['http:', 'https:', 'git:'].includes(protocol) || username !== '' || password !== '') return false;
  return clone === 'pod' || egress !== 'none';
}

/** @returns false when the server's mirror is to be used instead */
async function cloneThere(
  { clone }: CloneSources,
  executor: RemoteToolExecutor,
  source: RepositorySource,
  { branch, start }: { branch: string; start: Start },
  { signal, log }: StepProgress,
): Promise<boolean> {
  log(`Cloning ${source.url} in the pod.`);
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const onProgress = (text: string): void => {
    clearTimeout(timer);
    log(text);
  };
  const request = {
    url: source.url,
    branch,
    base: start.branch,
    commit: start.commit,
    originUrl: source.url,
  };
  const isFallbackThere = clone === 'auto';
  const limited = isFallbackThere ? AbortSignal.any([signal, silence.signal]) : signal;
  const cloned = await executor.gitClone(request, { signal: limited, onProgress });
  clearTimeout(timer);
  if (cloned.success) return true;
  const { error } = cloned;
  const wasSilent = silence.signal.aborted && !signal.aborted;
  if (!isFallbackThere || !(wasSilent || NOT_FROM_THERE.has(error.code))) throw ShadowError.from(error);
  const why = wasSilent ? 'It did not answer the pod.' : error.message;
  log(`The pod cannot clone it: ${why} Sending it from the server’s mirror.`);
  return false;
}

async function sendBundle(
  { mirrors, openBundle }: CloneSources,
  executor: RemoteToolExecutor,
  source: RepositorySource,
  { branch, start }: { branch: string; start: Start },
  { signal, log }: StepProgress,
): Promise<void> {
  await mirrors.ensureCommit(source, start.commit, start.defaultBranch, { signal, log });
  const request: GitRestoreRequest = {
    branch,
    base: start.branch,
    commit: start.commit,
    originUrl: source.url,
  };
  const content = openBundle(mirrors.path(source), signal);
  try {
    unwrap(await executor.gitRestore(request, content, { signal }));
  } finally {
    content.destroy();
  }
}
