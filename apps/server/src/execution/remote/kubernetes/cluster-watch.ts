import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';
import type { Logger } from 'pino';
import { unlessAborted } from '../unless-aborted.ts';
import type { ObjectChange, ObjectWatch } from './cluster.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { ObjectCache } from './object-cache.ts';
import { type Kind, listAll, parseObject, pathOf } from './resource-client.ts';
import type { ApiTransport } from './transport.ts';
import { watchStream } from './watch-stream.ts';

interface WatchSpec {
  transport: ApiTransport;
  namespace: string;
  kind: Kind;
  labelSelector: string;
  log: Logger;
}

interface Waiter<T> {
  look(object: T | undefined): void;
  fail(error: Error): void;
}

/** Milliseconds before a broken watch is made anew: the first, and the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** One list and watch of a kind, begun again from where it broke for as long as the connection is open. */
export class ClusterWatch<T extends KubernetesObject> implements ObjectWatch<T> {
  readonly #spec: WatchSpec;
  readonly #path: string;
  readonly #cache: ObjectCache<T>;
  readonly #waiters = new Map<string, Set<Waiter<T>>>();
  readonly #listeners = new Set<(change: ObjectChange<T>) => void>();
  readonly #synced = Promise.withResolvers<void>();
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #resourceVersion = '';
  #isLive = false;
  #failures = 0;
  #expiries = 0;

  constructor(spec: WatchSpec) {
    this.#spec = spec;
    this.#path = pathOf(spec.kind, spec.namespace);
    this.#cache = new ObjectCache((change) => this.#tell(change));
    // Nobody has to wait for it.
    this.#synced.promise.catch(() => {});
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** Lists what there is, then goes on watching by itself. @throws KubernetesError when the list cannot be had */
  async start(): Promise<void> {
    await this.#list();
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = closedError();
    this.#synced.reject(closed);
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.fail(closed);
    await this.#running;
  }

  async synced(signal?: AbortSignal): Promise<void> {
    await unlessAborted(signal, this.#synced.promise);
  }

  get(name: string): T | undefined {
    return this.#cache.get(name);
  }

  list(): T[] {
    return this.#cache.list();
  }

  /** Takes what a write answered, so that who wrote finds it here at once. */
  written(object: T): void {
    const labels = object.metadata?.labels ?? {};
    const isOurs = this.#spec.labelSelector
      .split(',')
      .every((term) => labels[term.slice(0, term.indexOf('='))] === term.slice(term.indexOf('=') + 1));
    if (isOurs && !this.#closing.signal.aborted) this.#cache.put(object);
  }

  async waitFor<R>(
    name: string,
    judge: (object: T | undefined) => R | undefined,
    { signal }: { signal: AbortSignal },
  ): Promise<R> {
    await this.synced(signal);
    if (this.#closing.signal.aborted) throw closedError();
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const waiter: Waiter<T> = {
      look: (object) => {
        try {
          const outcome = judge(object);
          if (outcome !== undefined) resolve(outcome);
        } catch (error) {
          reject(error);
        }
      },
      fail: reject,
    };
    const waiters = this.#waiters.get(name) ?? new Set();
    this.#waiters.set(name, waiters.add(waiter));
    try {
      waiter.look(this.#cache.get(name));
      return await unlessAborted(signal, promise);
    } finally {
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiters.get(name) === waiters) this.#waiters.delete(name);
    }
  }

  onChange(listener: (change: ObjectChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(change: ObjectChange<T>): void {
    const name = change.object.metadata?.name ?? '';
    const object = change.type === 'removed' ? undefined : change.object;
    for (const waiter of [...(this.#waiters.get(name) ?? [])]) waiter.look(object);
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.#spec.log.error({ err: error, kind: this.#spec.kind.kind }, 'a listener of the cluster failed');
      }
    }
  }

  async #list(): Promise<void> {
    const { transport, kind, labelSelector } = this.#spec;
    const { items, resourceVersion } = await listAll<T>(
      transport,
      kind,
      this.#path,
      { labelSelector },
      this.#closing.signal,
    );
    this.#cache.replace(items, resourceVersion);
    this.#resourceVersion = resourceVersion;
    this.#synced.resolve();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === '') await this.#list();
        await this.#follow();
      } catch (error) {
        if (signal.aborted) break;
        await this.#afterFailure(error);
      }
    }
    this.#isLive = false;
  }

  async #follow(): Promise<void> {
    const { transport, kind, labelSelector } = this.#spec;
    const query = { labelSelector, resourceVersion: this.#resourceVersion };
    const opened = () => this.#opened();
    for await (const event of watchStream(transport, kind, this.#path, query, this.#closing.signal, opened)) {
      this.#resourceVersion = event.resourceVersion;
      this.#expiries = 0;
      if (event.type === 'BOOKMARK') continue;
      const object = parseObject<T>(kind, event.object);
      if (event.type === 'DELETED') this.#cache.remove(object);
      else this.#cache.put(object);
    }
  }

  #opened(): void {
    if (this.#failures > 0) this.#spec.log.info({ kind: this.#spec.kind.kind }, 'watching the cluster again');
    this.#failures = 0;
    this.#isLive = true;
  }

  async #afterFailure(error: unknown): Promise<void> {
    this.#isLive = false;
    const { log, kind } = this.#spec;
    if (error instanceof KubernetesError && error.apiStatus === 410) {
      // What happened since is forgotten there: everything is listed, at once but for a server that forgets what it just said.
      this.#resourceVersion = '';
      this.#expiries += 1;
      if (this.#expiries > 1) await this.#pause(this.#expiries - 1);
      return;
    }
    // A connection that breaks once is usual: proxies and restarts end them.
    this.#failures += 1;
    if (this.#failures === 2) log.warn({ err: error, kind: kind.kind }, 'the cluster cannot be watched');
    await this.#pause(this.#failures);
  }

  /** @param times that the same went wrong in a row */
  async #pause(times: number): Promise<void> {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (times - 1));
    await delay(pauseMs * (0.8 + 0.4 * Math.random()), undefined, { signal: this.#closing.signal }).catch(
      () => {},
    );
  }
}

function closedError(): ShadowError {
  return new ShadowError('UNAVAILABLE', 'The connection to the cluster is closed.');
}
