import type { KubernetesObject } from '@kubernetes/client-node';
import { ObjectSerializer } from '@kubernetes/client-node/dist/serializer.js';
import * as z from 'zod';
import type { CallOptions, DeleteOptions, ListQuery, MergePatch, NamespacedResource } from './cluster.ts';
import { KubernetesError } from './kubernetes-error.ts';
import type { ApiRequest, ApiTransport } from './transport.ts';

/** A kind of object, as the API and the client library name it. */
export interface Kind {
  /** Such as `v1`, or `storage.k8s.io/v1`. */
  apiVersion: string;
  kind: string;
  /** Its name in paths and rules, such as `pods`. */
  plural: string;
  /** The client library's class, such as `V1Pod`. */
  model: string;
}

const WireObject = z.looseObject({ metadata: z.looseObject({ name: z.string(), uid: z.string() }) });
const WireList = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string().default(''), continue: z.string().optional() }),
  items: z.array(z.unknown()),
});
const Kinded = z.looseObject({ kind: z.string() });

/** Objects to a page of a list. */
const PAGE = 500;

/** @throws KubernetesError when it is no object of the API */
export function parseObject<T extends KubernetesObject>(kind: Kind, wire: unknown): T {
  const parsed = WireObject.safeParse(wire);
  if (!parsed.success) {
    throw new KubernetesError(
      'Unknown',
      0,
      `The Kubernetes API server sent something else than a ${kind.kind}.`,
      {
        cause: parsed.error,
      },
    );
  }
  // Half of an object's size, and of no use here.
  delete parsed.data.metadata.managedFields;
  // Items of a list come without these.
  const whole = { ...parsed.data, apiVersion: kind.apiVersion, kind: kind.kind };
  const object: T = ObjectSerializer.deserialize(whole, kind.model);
  return object;
}

/** Path of a kind's objects. @param namespace undefined for a kind of the whole cluster */
export function pathOf({ apiVersion, plural }: Kind, namespace: string | undefined): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return namespace === undefined ? `${group}/${plural}` : `${group}/namespaces/${namespace}/${plural}`;
}

/** Reads a list page by page. @returns what was there at one moment, and its resourceVersion to watch from */
export async function listAll<T extends KubernetesObject>(
  transport: ApiTransport,
  kind: Kind,
  path: string,
  query: { labelSelector?: string | undefined; fieldSelector?: string | undefined },
  signal: AbortSignal | undefined,
): Promise<{ items: T[]; resourceVersion: string }> {
  const items: T[] = [];
  let page: string | undefined;
  for (;;) {
    const answer = await transport.call({
      method: 'GET',
      path,
      query: { ...query, limit: PAGE, continue: page },
      verb: 'list',
      resource: kind.plural,
      isRepeatable: true,
      signal,
    });
    const { metadata, items: wire } = WireList.parse(answer);
    for (const item of wire) items.push(parseObject<T>(kind, item));
    page = metadata.continue || undefined;
    if (page === undefined) return { items, resourceVersion: metadata.resourceVersion };
  }
}

/** One kind of objects of a namespace over the API. */
export class ResourceClient<T extends KubernetesObject> implements NamespacedResource<T> {
  readonly #transport: ApiTransport;
  readonly #kind: Kind;
  readonly #path: string;
  readonly #written: (object: T) => void;

  /** @param written is given what a write answers */
  constructor(
    transport: ApiTransport,
    namespace: string,
    kind: Kind,
    written: (object: T) => void = () => {},
  ) {
    this.#transport = transport;
    this.#kind = kind;
    this.#path = pathOf(kind, namespace);
    this.#written = written;
  }

  async get(name: string, options: CallOptions = {}): Promise<T | undefined> {
    try {
      const answer = await this.#call(
        'get',
        { method: 'GET', path: this.#pathOf(name), isRepeatable: true },
        options,
      );
      return parseObject<T>(this.#kind, answer);
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async list(query: ListQuery = {}, options: CallOptions = {}): Promise<T[]> {
    const { items } = await listAll<T>(this.#transport, this.#kind, this.#path, query, options.signal);
    return items;
  }

  async create(object: T, options: CallOptions & { dryRun?: boolean } = {}): Promise<T> {
    return await this.#create(object, options, false);
  }

  async ensure(object: T, options: CallOptions = {}): Promise<{ object: T; created: boolean }> {
    for (;;) {
      try {
        return { object: await this.#create(object, options, true), created: true };
      } catch (error) {
        if (!isReason(error, 'AlreadyExists')) throw error;
      }
      const found = await this.get(object.metadata?.name ?? '', options);
      // Deleted between the two calls: made anew.
      if (found !== undefined) return { object: found, created: false };
    }
  }

  async patch(name: string, patch: MergePatch, options: CallOptions = {}): Promise<T> {
    const isRepeatable = patch.metadata?.resourceVersion === undefined;
    const request = { method: 'PATCH', path: this.#pathOf(name), body: patch, isRepeatable } as const;
    return this.#seen(await this.#call('patch', request, options));
  }

  async delete(name: string, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, graceSeconds, propagation } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: propagation ?? 'Background',
      gracePeriodSeconds: graceSeconds,
      preconditions: { uid, resourceVersion },
    };
    const request = { method: 'DELETE', path: this.#pathOf(name), body, isRepeatable: true } as const;
    try {
      const answer = await this.#call('delete', request, options);
      // Either the object, which takes its time to go, or a Status that says it is gone.
      if (Kinded.safeParse(answer).data?.kind === this.#kind.kind) this.#seen(answer);
      return true;
    } catch (error) {
      if (isReason(error, 'NotFound')) return false;
      if (uid !== undefined && isReason(error, 'Conflict') && (await this.#isAnother(name, uid, options)))
        return false;
      throw error;
    }
  }

  async #isAnother(name: string, uid: string, options: CallOptions): Promise<boolean> {
    return (await this.get(name, { signal: options.signal }))?.metadata?.uid !== uid;
  }

  async #create(object: T, options: CallOptions & { dryRun?: boolean }, isRepeatable: boolean): Promise<T> {
    const { apiVersion, kind, model } = this.#kind;
    const body: unknown = ObjectSerializer.serialize({ ...object, apiVersion, kind }, model);
    const query = options.dryRun === true ? { dryRun: 'All' } : {};
    const answer = await this.#call(
      'create',
      { method: 'POST', path: this.#path, body, query, isRepeatable },
      options,
    );
    return options.dryRun === true ? parseObject<T>(this.#kind, answer) : this.#seen(answer);
  }

  #seen(answer: unknown): T {
    const object = parseObject<T>(this.#kind, answer);
    this.#written(object);
    return object;
  }

  #call(
    verb: string,
    request: Pick<ApiRequest, 'method' | 'path' | 'body' | 'query' | 'isRepeatable'>,
    { signal }: CallOptions,
  ): Promise<unknown> {
    return this.#transport.call({ ...request, verb, resource: this.#kind.plural, signal });
  }

  #pathOf(name: string): string {
    return `${this.#path}/${encodeURIComponent(name)}`;
  }
}

function isReason(error: unknown, reason: string): boolean {
  return error instanceof KubernetesError && error.reason === reason;
}
