import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unwrap } from '@shadow/protocol';
import { createRemoteToolExecutor } from '../apps/server/src/execution/remote/create-remote-tool-executor.ts';
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
  type PoolServer,
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

export const name =
  'Pods: cold and warm starts on the cluster of KUBECONFIG, beside kubectl and a bare spawn';

/** Without it there is nothing to measure on. */
export const needs = 'KUBECONFIG';

const IMAGE = 'shadow-sidecar:latest';
const PORT = 8080;
const POOL_SIZE = 4;
const MANY = 20;

export async function run({ quick }: { quick: boolean }): Promise<Measurement[]> {
  await using cluster = await openCluster();
  await using directory = await temporaryDirectory();
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  return [
    ...(await warmStarts(cluster, quick ? 8 : 60)),
    ...(await coldStarts(cluster, repository, quick ? 3 : 7, quick ? 5 : MANY)),
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
  await using under = await openManager(cluster);
  const bare: number[] = [];
  const cold: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const pair = [
      await timed(() => kubectlRun(cluster.namespace, `bare-${round}`)),
      await coldStart(under, repository),
    ];
    // The first pair warms up caches of node and server alike.
    if (round === 0) continue;
    bare.push(pair[0] ?? 0);
    cold.push(pair[1] ?? 0);
  }
  const one = median(cold);
  const all = await timed(() =>
    Promise.all(Array.from({ length: many }, () => coldStart(under, repository))),
  );
  return [
    {
      what: 'cold create to first command, p50',
      value: one,
      unit: 'ms',
      baseline: { name: 'kubectl run until its first exec', value: median(bare) },
      limit: { of: 'ratio', atMost: 1.2 },
    },
    {
      what: `${many} cold creates at once, until the last one's first command`,
      value: all,
      unit: 'ms',
      baseline: { name: 'one', value: one },
    },
  ];
}

/** A workspace with a repository in it, until its first command has ended; removed apart from the time. */
async function coldStart(under: ManagerUnderTest, repository: string): Promise<number> {
  const taskId = randomUUID();
  const took = await timed(async () => {
    await runSteps(under, specOf(taskId, repository), keptProgress());
    const { executor } = unwrap(await under.manager.getExecutor(taskId));
    unwrap(await executor.executeCommand({ command: '/bin/true' }));
  });
  unwrap(await under.manager.cleanupWorkspace(taskId));
  return took;
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
  await kubectl('delete', 'pod', pod, '--grace-period=0', '--force', '--wait=false');
}

async function warmStarts(cluster: ClusterTest, rounds: number): Promise<Measurement[]> {
  const warm: number[] = [];
  const bare: number[] = [];
  const writes: number[] = [];
  for (let round = 0; round < rounds; ) {
    {
      await using filler = await openPool(cluster.namespace, POOL_SIZE);
      filler.pool.start();
      await until('the pool is full', async () => (await readyWarm(cluster)).length >= POOL_SIZE);
    }
    // One that does not fill up: only what a claim itself writes is counted.
    await using server = await openPool(cluster.namespace, POOL_SIZE);
    await server.cluster.pods.synced();
    for (let claim = 0; claim < POOL_SIZE && round < rounds; claim += 1, round += 1) {
      const count = await startCounting(cluster.namespace);
      bare.push(await timed(bareSpawn));
      warm.push(await warmStart(server));
      writes.push((await count()).length);
    }
    const { core, namespace } = cluster;
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'shadow.dev/state=claimed' });
  }
  const at = (share: number) => ({
    value: percentile(warm, share),
    unit: 'ms',
    baseline: { name: 'bare spawn', value: percentile(bare, 0.5) },
  });
  return [
    { what: 'warm claim to first command, p50', ...at(0.5), limit: { of: 'ratio', atMost: 12 } },
    { what: 'warm claim to first command, p99', ...at(0.99), limit: { of: 'ratio', atMost: 40 } },
    {
      what: 'API writes of a claim, at most',
      value: Math.max(...writes),
      unit: '',
      limit: { of: 'value', atMost: 4 },
    },
  ];
}

function bareSpawn(): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn('/bin/true', { stdio: 'ignore' })
      .once('error', reject)
      .once('close', () => resolve());
  });
}

async function warmStart({ pool, cluster }: PoolServer): Promise<number> {
  const taskId = randomUUID();
  const startedAt = performance.now();
  const taken = await pool.takeWarm(spec(taskId), progress());
  if (taken === undefined) throw new Error('the pool was empty');
  const [secret, service] = await Promise.all([
    cluster.api.secrets.get(taken.name),
    cluster.api.services.get(taken.name),
  ]);
  const token = Buffer.from(secret?.data?.token ?? '', 'base64').toString();
  const pod = cluster.pods.get(taken.name);
  const route = cluster.reach({
    workspace: taken.name,
    podName: taken.name,
    podIP: pod?.status?.podIP,
    clusterIP: service?.spec?.clusterIP,
    port: PORT,
  });
  const sidecar = { baseUrl: route.baseUrl, agent: route.agent, token, log: silent };
  const { executor } = unwrap(await createRemoteToolExecutor(sidecar));
  unwrap(await executor.executeCommand({ command: '/bin/true' }));
  const took = performance.now() - startedAt;
  await executor.close();
  route.close();
  return took;
}
