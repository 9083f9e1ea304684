import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unwrap } from '@shadow/protocol';
import { connectCluster } from '../apps/server/src/execution/remote/kubernetes/connect.ts';
import { WarmPool } from '../apps/server/src/execution/remote/warm-pool/warm-pool.ts';
import { Executors } from '../apps/server/src/execution/remote/workspaces/executors.ts';
import { type ClusterTest, openCluster } from '../apps/server/test/cluster/support/cluster.ts';
import {
  keptProgress,
  type ManagerUnderTest,
  openManager,
  runSteps,
  specOf,
} from '../apps/server/test/cluster/support/remote-manager.ts';
import {
  openPool,
  poolConfig,
  progress,
  readyWarm,
  silent,
  spec,
  startCounting,
  until,
} from '../apps/server/test/cluster/support/warm-pools.ts';
import { makeRepository } from '../apps/server/test/support/git-repository.ts';
import { type Measurement, median, percentile } from './support/measurement.ts';
import { temporaryDirectory } from './support/place.ts';
import { quiet } from './support/quiet.ts';

export const name =
  'Pods: cold and warm starts on the cluster of KUBECONFIG, beside kubectl and a bare spawn';

/** Without it there is nothing to measure on. */
export const needs = 'KUBECONFIG';

const IMAGE = 'shadow-sidecar:latest';
/** Warm pods made at a time; a claim takes one each. */
const POOL_SIZE = 8;
const MANY = 20;
/** Seconds that a pod has to end where nobody measures how: its sidecar ends in one. */
const GRACE_SECONDS = 1;
/** What the tools need to know of a machine; a command asks for none of it. */
const CAPABILITIES = {
  pty: true,
  suspend: false,
  taskResources: true,
  codebaseSearch: true,
  limits: 'pod',
  diskLimits: false,
  isolation: 'container',
  raceSafePaths: true,
} as const;

export async function run({ quick }: { quick: boolean }): Promise<Measurement[]> {
  await using cluster = await openCluster();
  await using directory = await temporaryDirectory();
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  return [
    ...(await warmStarts(cluster, quick ? 4 : 32)),
    ...(await coldStarts(cluster, repository, quick ? 2 : 7, quick ? 3 : MANY)),
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function coldStarts(
  cluster: ClusterTest,
  repository: string,
  rounds: number,
  many: number,
): Promise<Measurement[]> {
  // The processors of the example for production: the baseline's container has no limit at all.
  const environment = { REMOTE_CPU_LIMIT: '2000m' };
  await using beside = await openManager(cluster, { environment });
  await using outside = await openManager(cluster, {
    environment: { ...environment, REMOTE_REACH: 'port-forward' },
  });
  const took: Record<'bare' | 'service' | 'forward' | 'cloned', number[]> = {
    bare: [],
    service: [],
    forward: [],
    cloned: [],
  };
  for (let round = 0; round <= rounds; round += 1) {
    // The first round warms up caches of node and server alike.
    const keep = (kind: keyof typeof took, ms: number) => void (round > 0 && took[kind].push(ms));
    const measured = [
      async () => keep('bare', await timed(() => kubectlRun(cluster.namespace, `bare-${round}`))),
      async () => {
        const { commandMs, cloneMs } = await coldStart(beside, repository);
        keep('service', commandMs);
        keep('cloned', cloneMs);
      },
      async () => keep('forward', (await coldStart(outside, repository)).commandMs),
    ];
    // To and fro, so that nobody always follows the same one.
    for (const measure of round % 2 === 0 ? measured : measured.toReversed()) {
      await measure();
      await removePods(cluster);
    }
  }
  const one = median(took.service);
  // They begin at the same moment, and what comes after a first command is in no time.
  const all = await Promise.all(Array.from({ length: many }, () => coldStart(beside, repository)));
  const baseline = { name: 'kubectl run until its first exec', value: median(took.bare) };
  const limit = { of: 'ratio', atMost: 1.2 } as const;
  return [
    { what: 'cold create to first command, p50', value: one, unit: 'ms', baseline, limit },
    {
      what: 'the same over the API server, as kubectl goes',
      value: median(took.forward),
      unit: 'ms',
      baseline,
      limit,
    },
    { what: 'clone of a small repository on top', value: median(took.cloned), unit: 'ms' },
    {
      what: `${many} cold creates at once, until the last one's first command`,
      value: Math.max(...all.map(({ commandMs }) => commandMs)),
      unit: 'ms',
      baseline: { name: 'one', value: one },
    },
  ];
}

/**
 * Removes all pods and waits until the node has nothing to do with them any more: the kubelet and containerd clean up for a
 * second after a pod is gone, longer after one with a Secret (the baseline's), and may call the API server but five times a
 * second meanwhile.
 */
async function removePods({ core, namespace }: ClusterTest): Promise<void> {
  await core.deleteCollectionNamespacedPod({ namespace, gracePeriodSeconds: GRACE_SECONDS });
  await core.deleteCollectionNamespacedConfigMap({
    namespace,
    labelSelector: 'app.kubernetes.io/managed-by=shadow',
  });
  await until('the pods are gone', async () => {
    const { items } = await core.listNamespacedPod({ namespace });
    return items.length === 0;
  });
  await quiet();
}

/**
 * A workspace until its first command has ended; the clone of its repository, which a bare pod has none of, is told apart.
 */
async function coldStart(
  under: ManagerUnderTest,
  repository: string,
): Promise<{ commandMs: number; cloneMs: number }> {
  const taskId = randomUUID();
  const steps = (...names: string[]) =>
    timed(() => runSteps(under, specOf(taskId, repository), keptProgress(), names));
  const podMs = await steps('CREATE_POD', 'WAIT_SIDECAR_READY');
  const cloneMs = await steps('CLONE_TO_POD');
  const firstMs = await timed(async () => {
    const { executor } = unwrap(await under.manager.getExecutor(taskId));
    unwrap(await executor.executeCommand({ command: '/bin/true' }));
  });
  return { commandMs: podMs + firstMs, cloneMs };
}

/** What a person does who wants a container: run, and exec until it answers. */
async function kubectlRun(namespace: string, pod: string): Promise<void> {
  const kubectl = (...args: string[]) => promisify(execFile)('kubectl', ['--namespace', namespace, ...args]);
  await kubectl(
    'run',
    pod,
    `--image=${IMAGE}`,
    '--image-pull-policy=IfNotPresent',
    '--command',
    '--',
    'sleep',
    '600',
  );
  for (;;) {
    const answered = await kubectl('exec', pod, '--', '/bin/true').then(
      () => true,
      () => false,
    );
    if (answered) break;
  }
}

async function warmStarts(cluster: ClusterTest, rounds: number): Promise<Measurement[]> {
  const warm: number[] = [];
  const bare: number[] = [];
  let writes = 0;
  await bareSpawn();
  while (warm.length < rounds) {
    const size = Math.min(POOL_SIZE, rounds - warm.length);
    await fillPool(cluster, size);
    // One that does not fill up: only what a claim itself writes is counted.
    await using server = await openServer(cluster.namespace, size);
    for (let claim = 0; claim < size; claim += 1) {
      bare.push(await timed(bareSpawn));
      warm.push(await server.warmStart());
    }
    writes = Math.max(writes, await server.writesOfAClaim());
    await removePods(cluster);
  }
  const at = (share: number) => ({
    value: percentile(warm, share),
    unit: 'ms',
    baseline: { name: 'bare spawn', value: percentile(bare, 0.5) },
  });
  return [
    { what: 'warm claim to first command, p50', ...at(0.5), limit: { of: 'ratio', atMost: 12 } },
    { what: 'warm claim to first command, p99', ...at(0.99), limit: { of: 'ratio', atMost: 40 } },
    { what: 'API writes of a claim, at most', value: writes, unit: '', limit: { of: 'value', atMost: 4 } },
  ];
}

async function fillPool(cluster: ClusterTest, size: number): Promise<void> {
  await using filler = await openPool(cluster.namespace, size);
  filler.pool.start();
  await until('the pool is full', async () => (await readyWarm(cluster)).length >= size);
}

function bareSpawn(): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn('/bin/true', { stdio: 'ignore' })
      .once('error', reject)
      .once('close', () => resolve());
  });
}

interface ClaimingServer extends AsyncDisposable {
  /** @returns milliseconds from the claim until the end of the first command */
  warmStart(): Promise<number>;
  /** The most that the API server saw of one claim; where its audit log cannot be read, the mean of what was sent. */
  writesOfAClaim(): Promise<number>;
}

/** What a server claims with: the pool, and the tools of its tasks. */
async function openServer(namespace: string, size: number): Promise<ClaimingServer> {
  const config = poolConfig(namespace, size);
  const cluster = await connectCluster(config, silent);
  const pool = new WarmPool({ cluster, config, log: silent });
  const executors = new Executors(cluster, config.workspaces, CAPABILITIES, silent);
  const audited = await startCounting(namespace).catch(() => undefined);
  const sent = countSent(namespace);
  const taken: string[] = [];
  return {
    async warmStart() {
      const taskId = randomUUID();
      return await timed(async () => {
        const claimed = await pool.takeWarm(spec(taskId), progress());
        if (claimed === undefined) throw new Error('the pool was empty');
        taken.push(claimed.name);
        unwrap(await executors.get(taskId).executeCommand({ command: '/bin/true' }));
      });
    },
    async writesOfAClaim() {
      // The last write is not waited for by the claim.
      await pool.close();
      const writes = await audited?.();
      if (writes === undefined) return sent.writes / taken.length;
      return Math.max(...taken.map((name) => writes.filter((write) => write.name === name).length));
    },
    async [Symbol.asyncDispose]() {
      sent.stop();
      executors.close();
      await pool.close();
      await cluster.close();
    },
  };
}

/** Counts writes that this process sends to the API server. */
function countSent(namespace: string): { readonly writes: number; stop(): void } {
  const channel = 'http.client.request.start';
  let writes = 0;
  const listener = (message: unknown) => {
    const { request } = message as { request: ClientRequest };
    if (request.method !== 'GET' && request.path.startsWith(`/api/v1/namespaces/${namespace}/`)) writes += 1;
  };
  subscribe(channel, listener);
  return {
    get writes() {
      return writes;
    },
    stop: () => void unsubscribe(channel, listener),
  };
}
