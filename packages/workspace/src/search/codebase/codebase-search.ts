import { Worker } from 'node:worker_threads';
import {
  type CodebaseSearchRequest,
  type CodebaseSearchResult,
  type FsChange,
  ShadowError,
} from '@shadow/protocol';
import type { WorkspaceContext } from '../../context.ts';
import { cancelled } from '../../operation.ts';
import type { Confinement } from '../../security/paths.ts';
import { siblingModule } from '../../sibling-module.ts';
import { FromWorker, type ToWorker, type WorkerSettings } from './worker-messages.ts';

const DEFAULT_LIMIT = 10;
/** How long a query waits for an index that is being built before it is answered from what there is. */
const DEFAULT_PATIENCE_MS = 20_000;
/** An index that nobody has asked for so long gives its memory back; it stays on disk. */
const IDLE_MS = 600_000;
/** Trees of very long lists and their terms take memory; the thread ends before the server suffers. */
const MAX_HEAP_MB = 1_536;
/** Part of its heap that a thread fills with the index. */
const FILL = 0.9;
/** Files that a thread takes apart at a time: while one is read, another is at work. */
const AT_ONCE = 8;
/** Files' texts and trees are short-lived: with a quarter of it they are copied about, which takes half as long again. */
const MAX_YOUNG_MB = 32;

export interface CodebaseSearchOptions {
  readonly context: WorkspaceContext;
  readonly confinement: Confinement;
  /** Changes of the workspace until the signal aborts. */
  readonly watch: (signal: AbortSignal) => AsyncIterable<FsChange>;
  /** Milliseconds to wait for the first index. */
  readonly patienceMs?: number;
  /** MiB of heap for the index's thread; without it, what the control group's memory allows. */
  readonly heapMb?: number;
}

interface Waiting {
  resolve: (answer: CodebaseSearchResult) => void;
  reject: (error: ShadowError) => void;
}

/**
 * Answers questions about the code from an index in a thread of its own. The first query starts the thread, which takes
 * the index from disk or builds it; from then on the watcher's changes keep it up to date.
 */
export class CodebaseSearch implements AsyncDisposable {
  private readonly options: CodebaseSearchOptions;
  private readonly waiting = new Map<number, Waiting>();
  private session: { worker: Worker; ready: Promise<void>; stop: AbortController } | undefined;
  private idle: NodeJS.Timeout | undefined;
  private nextId = 1;
  /** Threads that ran out of memory: each leaves the next one half of the room, and of the files at a time. */
  private exhausted = 0;
  private updating = 0;
  private updated: (() => void)[] = [];

  constructor(options: CodebaseSearchOptions) {
    this.options = options;
  }

  /** @throws ShadowError FILE_NOT_FOUND for the path, UNAVAILABLE when the index fails or has no memory, CANCELLED */
  async search(
    request: CodebaseSearchRequest,
    signal: AbortSignal | undefined,
  ): Promise<CodebaseSearchResult> {
    const within = request.path === undefined ? '' : await this.placeOf(request.path);
    const { worker, ready } = this.start();
    this.postponeEnd();
    await untilAborted(this.patiently(ready), signal);
    if (this.session?.worker !== worker) throw failed('the thread has ended');
    const id = this.nextId;
    this.nextId += 1;
    const answer = new Promise<CodebaseSearchResult>((resolve, reject) =>
      this.waiting.set(id, { resolve, reject }),
    );
    tell(worker, { type: 'search', id, query: request.query, limit: request.limit ?? DEFAULT_LIMIT, within });
    try {
      return await untilAborted(answer, signal);
    } finally {
      this.waiting.delete(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { session } = this;
    this.end(new ShadowError('UNAVAILABLE', 'The workspace is being closed.'));
    await session?.worker.terminate();
  }

  private postponeEnd(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => {
      if (this.waiting.size === 0) this.end(new ShadowError('UNAVAILABLE', 'The index was not in use.'));
      else this.postponeEnd();
    }, IDLE_MS).unref();
  }

  private async placeOf(path: string): Promise<string> {
    await using place = await this.options.confinement.resolve(path);
    return place.relative;
  }

  private start(): { worker: Worker; ready: Promise<void> } {
    if (this.session !== undefined) return this.session;
    const { root, stateDir, runAs, environment } = this.options.context;
    const settings: WorkerSettings = {
      root,
      stateDir,
      environment: { ...environment },
      ...(runAs === undefined ? {} : { runAs }),
      fill: FILL / 2 ** this.exhausted,
      atOnce: Math.max(1, AT_ONCE >> this.exhausted),
    };
    const worker = new Worker(siblingModule('./index-worker', import.meta.url), {
      workerData: settings,
      // Nothing of the server's environment or flags is of any use to it.
      env: {},
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: this.options.heapMb ?? heapLimitMb(),
        maxYoungGenerationSizeMb: MAX_YOUNG_MB,
      },
    });
    // A process that is done is not kept alive for an index.
    worker.unref();
    const ready = this.listen(worker);
    const stop = new AbortController();
    this.session = { worker, ready, stop };
    tell(worker, { type: 'build' });
    void this.follow(worker, stop.signal);
    return this.session;
  }

  private listen(worker: Worker): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Nobody may be waiting when it fails: the next search hears of it by there being no session.
    promise.catch(() => {});
    const fail = (cause: unknown): void => {
      const error = this.failureOf(cause);
      reject(error);
      // The thread's end comes after its error, when another one may have been started.
      if (this.session?.worker === worker) this.end(error);
    };
    worker.once('error', fail);
    worker.once('exit', () => fail(new Error('The code index thread has ended.')));
    worker.on('message', (message: unknown) => {
      const said = FromWorker.parse(message);
      if (said.type === 'answer') this.settle(said);
      else if (said.type === 'updated') this.countUpdate(-1);
      else if (said.error === undefined) resolve();
      else fail(new Error(said.error));
    });
    return promise;
  }

  private failureOf(cause: unknown): ShadowError {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY'))
      return failed(cause);
    this.exhausted += 1;
    return new ShadowError(
      'UNAVAILABLE',
      'The index of the code base took more memory than there is for it; the next search builds a smaller one.',
      { cause },
    );
  }

  private settle(said: Extract<FromWorker, { type: 'answer' }>): void {
    const waiting = this.waiting.get(said.id);
    if (said.answer !== undefined) waiting?.resolve(said.answer);
    else
      waiting?.reject(
        new ShadowError('UNAVAILABLE', 'The search of the index failed.', { cause: said.error }),
      );
  }

  /** Without a watcher the index is as it was when this engine first asked; found files are checked in any case. */
  private async follow(worker: Worker, signal: AbortSignal): Promise<void> {
    try {
      for await (const { changes, truncated } of this.options.watch(signal)) {
        if (truncated) {
          tell(worker, { type: 'build' });
          continue;
        }
        this.countUpdate(1);
        tell(worker, { type: 'update', paths: changes.map((change) => change.path) });
      }
    } catch {
      // The reason is the watcher's own caller's to hear.
    }
  }

  private countUpdate(step: number): void {
    this.updating += step;
    if (this.updating > 0) return;
    for (const done of this.updated.splice(0)) done();
  }

  /** Waits for the build and for changes told already, but not forever. */
  private async patiently(ready: Promise<void>): Promise<void> {
    const quiet = ready.then(() =>
      this.updating === 0 ? undefined : new Promise<void>((resolve) => this.updated.push(resolve)),
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.options.patienceMs ?? DEFAULT_PATIENCE_MS);
    try {
      await Promise.race([quiet, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  private end(error: ShadowError): void {
    const { session } = this;
    clearTimeout(this.idle);
    this.session = undefined;
    this.updating = 0;
    for (const done of this.updated.splice(0)) done();
    session?.stop.abort();
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
    void session?.worker.terminate();
  }
}

/** Half of what the process's control group may have, as the rest of the process and commands need some, too. */
function heapLimitMb(): number {
  return Math.min(MAX_HEAP_MB, Math.floor(process.constrainedMemory() / 2 / 1024 ** 2) || MAX_HEAP_MB);
}

function failed(cause: unknown): ShadowError {
  return new ShadowError(
    'UNAVAILABLE',
    'The index of the code base failed; the next search builds it anew.',
    {
      cause,
    },
  );
}

function tell(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

/** The promise's value, or CANCELLED as soon as the signal aborts. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) throw cancelled();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(cancelled());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
