import { ShadowError } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster, ClusterApi } from '../../src/execution/remote/kubernetes/cluster.ts';
import { until } from '../support/until.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { allObjects, objectsOfTask } from './support/objects.ts';
import {
  keptProgress,
  type ManagerUnderTest,
  openManager,
  runSteps,
  specOf,
} from './support/remote-manager.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
});
afterAll(() => resources.disposeAsync());

const WRITES: ReadonlySet<string> = new Set(['create', 'ensure', 'patch', 'delete']);
const RESOURCES = ['configMaps', 'secrets', 'services', 'pods', 'persistentVolumeClaims'] as const;

/** The cluster of a server that dies right after so many writes: nothing that it asks for later gets there. */
function dyingAfter(writes: number) {
  return (real: Cluster): Cluster => {
    let left = writes;
    const guard = (resource: object): object =>
      new Proxy(resource, {
        get(target, name) {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]) => {
            if (left <= 0) throw new ShadowError('CANCELLED', 'this server is dead');
            const answer: unknown = await Reflect.apply(method, target, args);
            if (typeof name === 'string' && WRITES.has(name)) left -= 1;
            if (left <= 0) throw new ShadowError('CANCELLED', 'this server is dead');
            return answer;
          };
        },
      });
    const guarded = Object.fromEntries(RESOURCES.map((name) => [name, guard(real.api[name])]));
    // Each resource is its own, but for the guard.
    const api = { ...real.api, ...guarded } as ClusterApi;
    return { ...real, api };
  };
}

/** Runs a step on a server that dies after so many writes; it must not come to its end. */
async function diesDuring(
  taskId: string,
  writes: number,
  environment: Record<string, string>,
): Promise<void> {
  await using dying = await openManager(cluster, { environment, through: dyingAfter(writes) });
  await expect(runSteps(dying, specOf(taskId), keptProgress(), ['CREATE_POD'])).rejects.toThrow('dead');
}

async function expectWhole(under: ManagerUnderTest, taskId: string): Promise<void> {
  const found = await objectsOfTask(cluster, taskId);
  expect(found).toMatchObject({ anchors: [{}], pods: [{}], services: [{}], secrets: [{}] });
  const uid = found.anchors[0]?.uid;
  const { core, namespace } = cluster;
  const name = `shadow-${taskId}`;
  const owned = await Promise.all([
    core.readNamespacedPod({ name, namespace }),
    core.readNamespacedService({ name, namespace }),
    core.readNamespacedSecret({ name, namespace }),
  ]);
  for (const { metadata } of owned) {
    expect(metadata?.ownerReferences).toMatchObject([{ uid, controller: true, blockOwnerDeletion: false }]);
  }
  expect(await under.manager.list()).toContain(taskId);
  expect(await under.manager.getWorkspaceStatus(taskId)).toEqual({ status: 'preparing' });
}

async function tokenOf(taskId: string): Promise<string | undefined> {
  const secret = { name: `shadow-${taskId}`, namespace: cluster.namespace };
  return (await cluster.core.readNamespacedSecret(secret)).data?.token;
}

describe('a workspace that a dead server left half made', () => {
  it.each([1, 2, 3, 4])('is completed by the next one after write %i of its creation', async (writes) => {
    const taskId = `cut-${writes}`;
    await diesDuring(taskId, writes, {});
    const token = writes >= 2 ? await tokenOf(taskId) : undefined;
    await using next = await openManager(cluster);
    await runSteps(next, specOf(taskId), keptProgress(), ['CREATE_POD']);
    await expectWhole(next, taskId);
    if (token !== undefined) expect(await tokenOf(taskId)).toBe(token);
  });

  it('is completed by a later step, too', async () => {
    await diesDuring('later', 3, {});
    await using next = await openManager(cluster);
    await runSteps(next, specOf('later'), keptProgress(), ['WAIT_SIDECAR_READY']);
    await expectWhole(next, 'later');
  });

  it('is removed whole, and by as many servers as want to', async () => {
    await diesDuring('removed', 2, {});
    await using one = await openManager(cluster);
    await using other = await openManager(cluster);
    const both = [one.manager.cleanupWorkspace('removed'), other.manager.cleanupWorkspace('removed')];
    expect(await Promise.all(both)).toEqual([{ success: true }, { success: true }]);
    await until('the garbage collector has taken all of it', async () => {
      const { secrets, pods, services } = await allObjects(cluster);
      return ![...secrets, ...pods, ...services].some(({ name }) => name === 'shadow-removed');
    });
  });

  it('has its volume and claim completed, too, where files outlive the pod', async () => {
    const environment = { REMOTE_STORAGE: 'pvc', REMOTE_STORAGE_CLASS: 'absent' };
    await diesDuring('volume', 3, environment);
    await using next = await openManager(cluster, { environment });
    await runSteps(next, specOf('volume'), keptProgress(), ['CREATE_POD']);
    await expectWhole(next, 'volume');
    const claim = { name: 'shadow-volume', namespace: cluster.namespace };
    const { metadata, spec } = await cluster.core.readNamespacedPersistentVolumeClaim(claim);
    expect(metadata?.ownerReferences).toHaveLength(1);
    expect(spec).toMatchObject({ storageClassName: 'absent', resources: { requests: { storage: '1Gi' } } });
  });
});

describe('removing a workspace', () => {
  it('is finished by the next server when the first died in the middle', async () => {
    await using first = await openManager(cluster);
    await runSteps(first, specOf('gone'), keptProgress(), ['CREATE_POD', 'WAIT_SIDECAR_READY']);
    await using dying = await openManager(cluster, { through: dyingAfter(1) });
    expect(await dying.manager.cleanupWorkspace('gone')).toMatchObject({ success: false });
    await using next = await openManager(cluster);
    expect(await next.manager.cleanupWorkspace('gone')).toEqual({ success: true });
    expect(await next.manager.list()).not.toContain('gone');
    const { pods } = await allObjects(cluster);
    expect(pods.map(({ name }) => name)).not.toContain('shadow-gone');
  });

  it('is done when there is nothing', async () => {
    await using under = await openManager(cluster);
    expect(await under.manager.cleanupWorkspace('never')).toEqual({ success: true });
    expect(await under.manager.getWorkspaceStatus('never')).toEqual({ status: 'absent' });
    expect(await under.manager.getExecutor('never')).toMatchObject({ error: { code: 'WORKSPACE_LOST' } });
  });

  it('makes way for another workspace of the task', async () => {
    await using under = await openManager(cluster);
    const steps = ['CREATE_POD', 'WAIT_SIDECAR_READY'];
    await runSteps(under, specOf('twice'), keptProgress(), steps);
    const before = await objectsOfTask(cluster, 'twice');
    const { name = '' } = before.anchors[0] ?? {};
    // As the garbage collector finds it: the anchor is gone, and what it owned not yet.
    await cluster.core.deleteNamespacedConfigMap({ name, namespace: cluster.namespace });
    await runSteps(under, specOf('twice'), keptProgress(), steps);
    await expectWhole(under, 'twice');
    const after = await objectsOfTask(cluster, 'twice');
    expect(after.pods[0]?.uid).not.toBe(before.pods[0]?.uid);
  });
});

describe('what somebody else made', () => {
  it('is never touched, though it has the name of a workspace', async () => {
    await using under = await openManager(cluster);
    const { core, namespace } = cluster;
    const metadata = { name: 'shadow-foreign' };
    await core.createNamespacedConfigMap({ namespace, body: { metadata, data: { mine: 'yes' } } });
    const making = runSteps(under, specOf('foreign'), keptProgress(), ['CREATE_POD']);
    await expect(making).rejects.toThrow('not this task');
    expect(await under.manager.cleanupWorkspace('foreign')).toEqual({ success: true });
    const { data } = await core.readNamespacedConfigMap({ name: 'shadow-foreign', namespace });
    expect(data).toEqual({ mine: 'yes' });
  });
});
