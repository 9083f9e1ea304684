import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/execution/remote/kubernetes/cluster.ts';
import { temporaryDirectory } from '../support/git-repository.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import {
  keptProgress,
  type ManagerUnderTest,
  openManager,
  runSteps,
  specOf,
} from './support/remote-manager.ts';
import { provideVolume } from './support/warm-pools.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
});
afterAll(() => resources.disposeAsync());

const STEPS = ['CREATE_POD', 'WAIT_SIDECAR_READY'];
/** A mount that fails may yet succeed: how long that is waited for. */
const GRACE = { REMOTE_UNSCHEDULABLE_GRACE_MS: '1500' };
/** A kubelet tells its events one after the other, five a second: those of twenty other pods may come first. */
const PATIENCE_MS = 280_000;

/** Does something to each pod right before it is made. */
function beforePods(prepare: (pod: V1Pod) => Promise<V1Pod>) {
  return (real: Cluster): Cluster => {
    const { pods } = real.api;
    const prepared: typeof pods = {
      get: (...call) => pods.get(...call),
      list: (...call) => pods.list(...call),
      create: (...call) => pods.create(...call),
      ensure: async (pod, options) => pods.ensure(await prepare(pod), options),
      patch: (...call) => pods.patch(...call),
      delete: (...call) => pods.delete(...call),
    };
    return { ...real, api: { ...real.api, pods: prepared } };
  };
}

/** @returns what the person is told of a start that fails, and was told meanwhile */
async function refusal(
  under: ManagerUnderTest,
  taskId: string,
): Promise<{ code: string; message: string; lines: string }> {
  const progress = keptProgress();
  try {
    await runSteps(under, specOf(taskId), progress, STEPS);
  } catch (thrown) {
    const { error } = thrown as { error?: { code: string; message: string } };
    if (error === undefined) throw thrown;
    return { ...error, lines: progress.lines.join('\n') };
  }
  throw new ShadowError('INTERNAL', 'the pod came up');
}

describe('a pod that the kubelet refuses says why in its words, as soon as it says so', () => {
  it('when its container cannot be configured', async () => {
    const asks = (pod: V1Pod): V1Pod => {
      const [container] = pod.spec?.containers ?? [];
      const valueFrom = { secretKeyRef: { name: 'absent', key: 'any' } };
      container?.env?.push({ name: 'ANY', valueFrom });
      return pod;
    };
    await using under = await openManager(cluster, { through: beforePods(async (pod) => asks(pod)) });
    const { code, message } = await refusal(under, 'configuration');
    expect(code).toBe('POD_FAILED');
    expect(message).toContain('CreateContainerConfigError');
    expect(message).toContain('secret "absent" not found');
    expect(message).toContain('Check SIDECAR_IMAGE and the settings of the pod');
  });

  it(
    'when its Secret was deleted before anybody read it, and another attempt makes both anew',
    async () => {
      const { core, namespace } = cluster;
      let isThere = true;
      const lose = async (pod: V1Pod): Promise<V1Pod> => {
        if (isThere) await core.deleteNamespacedSecret({ name: 'shadow-mount', namespace });
        isThere = false;
        return pod;
      };
      await using under = await openManager(cluster, { environment: GRACE, through: beforePods(lose) });
      const { code, message } = await refusal(under, 'mount');
      expect(code).toBe('UNAVAILABLE');
      expect(message).toContain('The Secret shadow-mount with the token of the pod is gone');
      await runSteps(under, specOf('mount'), keptProgress(), STEPS);
      expect(await under.manager.cleanupWorkspace('mount')).toEqual({ success: true });
    },
    PATIENCE_MS,
  );

  it(
    'when its volume cannot be mounted on its node',
    async () => {
      await using directory = await temporaryDirectory();
      const path = join(directory.path, 'volume');
      await mkdir(path);
      const storageClass = `${cluster.namespace}-refused`;
      await using _volume = await provideVolume(cluster, storageClass, path);
      await rm(path, { recursive: true });
      const environment = {
        // First the claim has to find its volume, which takes the cluster some seconds when it has much to do.
        REMOTE_UNSCHEDULABLE_GRACE_MS: '10000',
        REMOTE_STORAGE: 'pvc',
        REMOTE_STORAGE_CLASS: storageClass,
      };
      await using under = await openManager(cluster, { environment });
      const { code, message } = await refusal(under, 'volume');
      expect(code).toBe('POD_FAILED');
      expect(message).toContain('FailedMount');
      expect(message).toContain(`${path} is not a directory`);
      expect(message).toContain('kubectl describe pod');
    },
    PATIENCE_MS,
  );
});
