import { randomUUID } from 'node:crypto';
import { chown, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type V1ConfigMap, Watch } from '@kubernetes/client-node';
import { pino } from 'pino';
import * as z from 'zod';
import { loadConfig } from '../../../src/config.ts';
import type { StepProgress, WorkspaceSpec } from '../../../src/execution/interfaces/workspace-manager.ts';
import type { Cluster } from '../../../src/execution/remote/kubernetes/cluster.ts';
import { connectCluster } from '../../../src/execution/remote/kubernetes/connect.ts';
import { WarmPool } from '../../../src/execution/remote/warm-pool/warm-pool.ts';
import { until as waitUntil } from '../../support/until.ts';
import type { ClusterTest } from './cluster.ts';
import { remoteEnvironment } from './remote-server.ts';

/** A log that nobody reads. */
export const silent = pino({ level: 'silent' });

/** What one server has of the pool. */
export interface PoolServer extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly pool: WarmPool;
  /** Lines of its log. */
  readonly said: readonly string[];
}

/** Settings of a server with a pool of that size. */
export function poolConfig(namespace: string, size: number, environment: Record<string, string> = {}) {
  return loadConfig({
    ...remoteEnvironment(namespace),
    REMOTE_WARM_POOL_SIZE: String(size),
    REMOTE_MEMORY_LIMIT: '256Mi',
    ...environment,
  }).remote;
}

/** Connects as a server does, with a pool that is not started. @param wrap puts something in the way of its calls */
export async function openPool(
  namespace: string,
  size: number,
  environment: Record<string, string> = {},
  wrap: (cluster: Cluster) => Cluster = (cluster) => cluster,
): Promise<PoolServer> {
  const said: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => said.push(line) });
  const config = poolConfig(namespace, size, environment);
  const cluster = wrap(await connectCluster(config, log));
  const pool = new WarmPool({ cluster, config, log });
  return {
    cluster,
    pool,
    said,
    async [Symbol.asyncDispose]() {
      await pool.close();
      await cluster.close();
    },
  };
}

export function spec(taskId: string, resources?: WorkspaceSpec['resources']): WorkspaceSpec {
  return {
    taskId,
    userId: 'user',
    repository: 'sample',
    baseBranch: undefined,
    branch: 'work',
    ...(resources === undefined ? {} : { resources }),
  };
}

export function progress(signal: AbortSignal = AbortSignal.timeout(180_000)): StepProgress {
  return { signal, log: () => undefined };
}

/** Anchors of the namespace, by what they are now. */
export async function anchorsOf({ core, namespace }: ClusterTest): Promise<{
  warm: V1ConfigMap[];
  claimed: V1ConfigMap[];
}> {
  const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector: 'shadow.dev/workspace' });
  const inState = (state: string) =>
    items.filter(({ metadata }) => metadata?.labels?.['shadow.dev/state'] === state);
  return { warm: inState('warm'), claimed: inState('claimed') };
}

/** Names of warm pods that are ready. */
export async function readyWarm({ core, namespace }: ClusterTest): Promise<string[]> {
  const labelSelector = 'shadow.dev/state=warm';
  const { items } = await core.listNamespacedPod({ namespace, labelSelector });
  return items
    .filter(({ metadata, status }) => {
      const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
      return isReady === true && metadata?.deletionTimestamp === undefined;
    })
    .map(({ metadata }) => metadata?.name ?? '');
}

/** Milliseconds that pods may take on a busy machine. */
const PATIENCE_MS = 200_000;

/** Polls until the condition holds. */
export function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  return waitUntil(what, holds, PATIENCE_MS);
}

const AUDIT_LOG = process.env.KUBE_AUDIT_LOG ?? '/run/kube-test/log/audit.log';
const Line = z.looseObject({
  verb: z.string(),
  userAgent: z.string().default(''),
  objectRef: z
    .looseObject({
      resource: z.string().default(''),
      namespace: z.string().default(''),
      name: z.string().default(''),
    })
    .optional(),
  responseStatus: z.looseObject({ code: z.int().default(0) }).optional(),
});

/** A write that the API server did for Shadow. */
export interface Write {
  verb: string;
  resource: string;
  name: string;
  code: number;
}

/** Counts writes of Shadow in a namespace from now on, in the API server's own audit log. */
export async function startCounting(namespace: string): Promise<() => Promise<Write[]>> {
  const from = (await stat(AUDIT_LOG)).size;
  return async () => {
    const text = (await readFile(AUDIT_LOG)).subarray(from).toString('utf8');
    return text.split('\n').flatMap((line) => {
      if (!line.includes(`"namespace":"${namespace}"`)) return [];
      const { verb, objectRef, responseStatus, userAgent } = Line.parse(JSON.parse(line));
      if (objectRef?.namespace !== namespace || /^kube/.test(userAgent)) return [];
      return [{ verb, resource: objectRef.resource, name: objectRef.name, code: responseStatus?.code ?? 0 }];
    });
  };
}

/** What a pod's sidecar answers to a token: 200, or 401. */
export async function statusWith(
  { core, namespace }: ClusterTest,
  pod: string,
  token: string,
): Promise<number> {
  const { status } = await core.readNamespacedPod({ name: pod, namespace });
  const response = await fetch(`http://${status?.podIP}:8080/api/workspace`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await response.arrayBuffer();
  return response.status;
}

/** The tokens that a workspace's Secret holds. */
export async function tokensOf({ core, namespace }: ClusterTest, name: string) {
  const { data } = await core.readNamespacedSecret({ name, namespace });
  const text = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  return { token: text('token'), previous: text('previous') };
}

/** Watches the pool from outside. */
export interface PoolWatch extends AsyncDisposable {
  /** The most unclaimed and pending workspaces that there ever were at once. */
  readonly most: number;
  /** Tasks that each workspace was ever given to. */
  readonly owners: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Every change of anchors and of the pool's list, in the order of the API server. */
export async function watchPool({ kubeconfig, namespace }: ClusterTest): Promise<PoolWatch> {
  const warm = new Set<string>();
  const seen = new Set<string>();
  const owners = new Map<string, Set<string>>();
  let listed: string[] = [];
  let most = 0;
  const change = (phase: string, { metadata, data }: V1ConfigMap) => {
    const { name = '', labels = {} } = metadata ?? {};
    if (name.startsWith('shadow-pool-')) listed = phase === 'DELETED' ? [] : Object.keys(data ?? {});
    else if (name.startsWith('shadow-warm-')) {
      seen.add(name);
      if (phase === 'DELETED' || labels['shadow.dev/state'] !== 'warm') warm.delete(name);
      else warm.add(name);
      const task = labels['shadow.dev/task'];
      if (task !== undefined) owners.set(name, (owners.get(name) ?? new Set()).add(task));
    }
    most = Math.max(most, warm.size + listed.filter((one) => !seen.has(one)).length);
  };
  const watch = new Watch(kubeconfig);
  const ended = Promise.withResolvers<void>();
  const controller = await watch.watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    {},
    (phase: string, object: V1ConfigMap) => change(phase, object),
    () => ended.resolve(),
  );
  return {
    get most() {
      return most;
    },
    owners,
    async [Symbol.asyncDispose]() {
      controller.abort();
      await ended.promise;
    },
  };
}

/** A volume on this machine, which is the node, for claims of that class; the cluster makes none by itself. */
export async function provideVolume(
  { core, namespace }: ClusterTest,
  storageClass: string,
  path: string,
): Promise<AsyncDisposable> {
  // As the pods' user: the kubelet changes no owner of such a directory.
  await chown(path, 1000, 1000);
  // One that is still going would be in the way of a second try.
  const name = `${namespace}-${basename(path)}-${randomUUID().slice(0, 8)}`;
  await core.createPersistentVolume({
    body: {
      metadata: { name },
      spec: {
        capacity: { storage: '2Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: storageClass,
        hostPath: { path, type: 'Directory' },
      },
    },
  });
  return { [Symbol.asyncDispose]: async () => void (await core.deletePersistentVolume({ name })) };
}

export function readyAre(cluster: ClusterTest, count: number): Promise<void> {
  return until(`${count} are ready`, async () => (await readyWarm(cluster)).length === count);
}

/** Waits until the pool's list holds so many, all of them made. */
export function slotsAre({ core, namespace }: ClusterTest, count: number): Promise<void> {
  return until(`the list has ${count}`, async () => {
    const { items } = await core.listNamespacedConfigMap({ namespace });
    const list = items.find(({ metadata }) => metadata?.name === 'shadow-pool-shadow');
    return Object.values(list?.data ?? {}).join() === Array(count).fill('made').join();
  });
}

/** Removes a workspace, or the pool's list. */
export async function deleteAnchor({ core, namespace }: ClusterTest, name: string): Promise<void> {
  await core.deleteNamespacedConfigMap({ name, namespace });
}

export function take({ pool }: PoolServer, taskId: string): Promise<{ name: string } | undefined> {
  return pool.takeWarm(spec(taskId), progress());
}
