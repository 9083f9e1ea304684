import { lstat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import type { AsyncSubscription, Event } from '@parcel/watcher';
import { type FsChange, ShadowError } from '@shadow/protocol';
import { IgnoreLookup, ignoredDirectories } from './ignore-lookup.ts';
import { isTemporaryName } from './replace-file.ts';
import type { FileScope } from './scope.ts';

/** Changes named in one batch; beyond it the batch says `truncated`. */
const MAX_BATCH = 1_000;
/** Ignored directories handed to the watcher; what is in any further ones is filtered here. */
const MAX_IGNORED_DIRECTORIES = 500;

type ChangeKind = FsChange['changes'][number]['kind'];

const KINDS: Readonly<Record<Event['type'], ChangeKind>> = {
  create: 'created',
  update: 'modified',
  delete: 'deleted',
};

/**
 * Yields what changes in the workspace, in batches, without what git ignores, until the signal aborts or the reader
 * stops. A reader that falls behind gets fewer, larger batches; memory stays bounded.
 *
 * @throws ShadowError UNSUPPORTED where no watcher can be loaded, RESOURCE_LIMIT when the system has no watches left,
 *   UNAVAILABLE for any other failure of the watcher
 */
export async function* watchTree(
  scope: FileScope,
  signal: AbortSignal | undefined,
): AsyncGenerator<FsChange, void> {
  if (signal?.aborted) return;
  const changes = new PendingChanges(scope);
  const subscription = await subscribe(scope, changes);
  const stop = (): void => changes.end();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    for (;;) {
      const batch = await changes.next();
      if (batch === undefined) return;
      yield batch;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    await subscription.unsubscribe();
  }
}

async function subscribe(scope: FileScope, changes: PendingChanges): Promise<AsyncSubscription> {
  const ignored = await ignoredDirectories(scope.confinement, MAX_IGNORED_DIRECTORIES);
  const watcher = await import('@parcel/watcher').catch((thrown) => {
    throw new ShadowError('UNSUPPORTED', 'Watching files is not supported on this system.', {
      cause: thrown,
    });
  });
  const onEvents = (error: Error | null, events: Event[]): void => {
    if (error === null) changes.add(events);
    else changes.fail(watchError(error));
  };
  try {
    return await watcher.subscribe(scope.root, onEvents, {
      ignore: [join(scope.root, '.git'), ...ignored.map((path) => join(scope.root, path))],
    });
  } catch (thrown) {
    throw watchError(thrown);
  }
}

function watchError(thrown: unknown): ShadowError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  // The library passes the system's failure on as text alone; there is no code to go by.
  const exhausted = /no space left|too many open files|inotify/i.test(text);
  return exhausted
    ? new ShadowError('RESOURCE_LIMIT', 'The system has no file watches left (fs.inotify limits).', {
        cause: thrown,
      })
    : new ShadowError('UNAVAILABLE', 'Watching the workspace for changes failed.', { cause: thrown });
}

/** Changes nobody has fetched yet, one per path. */
class PendingChanges {
  private readonly scope: FileScope;
  private readonly rules: IgnoreLookup;
  private pending = new Map<string, ChangeKind>();
  private truncated = false;
  private ended = false;
  private failure: ShadowError | undefined;
  private wake: (() => void) | undefined;
  /** Batches are filtered one after the other, so that they stay in order. */
  private filtering: Promise<void> = Promise.resolve();

  constructor(scope: FileScope) {
    this.scope = scope;
    this.rules = new IgnoreLookup(scope.confinement);
  }

  add(events: readonly Event[]): void {
    if (this.ended) return;
    this.filtering = this.filtering
      .then(() => this.filter(events))
      .catch((thrown) =>
        this.fail(new ShadowError('UNAVAILABLE', 'A change could not be looked at.', { cause: thrown })),
      );
  }

  fail(error: ShadowError): void {
    this.failure ??= error;
    this.end();
  }

  end(): void {
    this.ended = true;
    this.wake?.();
  }

  /** The next batch; undefined at the end. */
  async next(): Promise<FsChange | undefined> {
    while (this.pending.size === 0 && !this.truncated && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.failure !== undefined) throw this.failure;
    if (this.ended) return undefined;
    const batch = {
      changes: [...this.pending].map(([path, kind]) => ({ path, kind })),
      truncated: this.truncated,
    };
    this.pending = new Map();
    this.truncated = false;
    return batch;
  }

  private async filter(events: readonly Event[]): Promise<void> {
    const seen = events.map((event) => ({
      event,
      path: relative(this.scope.root, event.path).split(sep).join('/'),
    }));
    if (seen.some(({ path }) => basename(path) === '.gitignore')) this.rules.forget();
    for (const { event, path } of seen) {
      if (path === '' || path.startsWith('../') || isTemporaryName(basename(path))) continue;
      if (!(await this.ignored(event, path))) this.record(path, KINDS[event.type]);
    }
    if (this.pending.size > 0 || this.truncated) this.wake?.();
  }

  private async ignored(event: Event, path: string): Promise<boolean> {
    const stats = event.type === 'delete' ? undefined : await lstat(event.path).catch(() => undefined);
    return this.rules.ignores(path, stats?.isDirectory());
  }

  private record(path: string, kind: ChangeKind): void {
    const before = this.pending.get(path);
    if (before === 'created' && kind === 'deleted') this.pending.delete(path);
    else if (before === undefined && this.pending.size >= MAX_BATCH) this.truncated = true;
    else this.pending.set(path, merged(before, kind));
  }
}

function merged(before: ChangeKind | undefined, kind: ChangeKind): ChangeKind {
  if (before === 'created' && kind === 'modified') return 'created';
  if (before === 'deleted' && kind === 'created') return 'modified';
  return kind;
}
