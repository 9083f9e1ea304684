import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
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

interface Failure {
  code: string;
  message: string;
  /** What the person who waited was told meanwhile. */
  lines: string[];
}

/** Starts a workspace that cannot come up. It goes with the namespace. */
async function failedStart(taskId: string, environment: Record<string, string>): Promise<Failure> {
  await using under = await openManager(cluster, { environment });
  return await failureOf(under, taskId);
}

async function failureOf(
  under: ManagerUnderTest,
  taskId: string,
  progress = keptProgress(),
): Promise<Failure> {
  const names = ['CREATE_POD', 'WAIT_SIDECAR_READY'];
  try {
    await runSteps(under, specOf(taskId), progress, names);
  } catch (thrown) {
    const { error } = thrown as { error?: { code: string; message: string } };
    if (error === undefined) throw thrown;
    return { ...error, lines: progress.lines };
  }
  throw new Error(`the start succeeded: ${progress.lines.join('\n')}`);
}

describe('a pod that cannot start says why, and what to do', () => {
  it('when its image cannot be pulled', async () => {
    const { code, message, lines } = await failedStart('pull', { SIDECAR_IMAGE: 'registry.invalid/none:1' });
    expect(code).toBe('POD_FAILED');
    expect(message).toContain('registry.invalid/none:1');
    expect(message).toContain('Failed to pull image');
    expect(message).toContain('Check SIDECAR_IMAGE');
    expect(lines.join('\n')).toContain('Pulling image "registry.invalid/none:1"');
  });

  it('when its image is absent and never pulled', async () => {
    const environment = { SIDECAR_IMAGE: 'none:1', REMOTE_IMAGE_PULL_POLICY: 'Never' };
    const { message } = await failedStart('never', environment);
    expect(message).toContain('ErrImageNeverPull');
    expect(message).toContain('REMOTE_IMAGE_PULL_POLICY is Never');
  });

  it('when its image has no valid name', async () => {
    const { message } = await failedStart('name', { SIDECAR_IMAGE: 'Upper/Case' });
    expect(message).toContain('InvalidImageName');
    expect(message).toContain('Correct SIDECAR_IMAGE');
  });

  it('when no node has room for it, after a grace in which one may come', async () => {
    const environment = {
      REMOTE_CPU_REQUEST: '500',
      REMOTE_CPU_LIMIT: '500',
      REMOTE_UNSCHEDULABLE_GRACE_MS: '1500',
    };
    const { code, message, lines } = await failedStart('cpu', environment);
    expect(code).toBe('POD_FAILED');
    expect(message).toContain('Insufficient cpu');
    expect(message).toContain('REMOTE_CPU_REQUEST');
    expect(lines.join('\n')).toContain('Insufficient cpu');
  });

  it('when its volume is never bound', async () => {
    const environment = {
      REMOTE_STORAGE: 'pvc',
      REMOTE_STORAGE_CLASS: 'absent',
      REMOTE_UNSCHEDULABLE_GRACE_MS: '1500',
    };
    const { message } = await failedStart('claim', environment);
    expect(message).toContain('unbound immediate PersistentVolumeClaims');
    expect(message).toContain('REMOTE_STORAGE_CLASS');
  });

  it('when the volume of its build cache is not there', async () => {
    const environment = { REMOTE_BUILD_CACHE_CLAIM: 'absent', REMOTE_UNSCHEDULABLE_GRACE_MS: '1500' };
    const { message } = await failedStart('cache', environment);
    expect(message).toContain('persistentvolumeclaim "absent" not found');
    expect(message).toContain('REMOTE_BUILD_CACHE_CLAIM');
  });

  it('when it runs something else than the sidecar', async () => {
    const { message } = await failedStart('other', {
      SIDECAR_IMAGE: 'kube-test/pause:3.2',
      REMOTE_START_TIMEOUT_MS: '8000',
    });
    // It runs as nobody knows what: the probe is all that tells.
    expect(message).toContain('REMOTE_START_TIMEOUT_MS');
    expect(message).toContain('Readiness probe failed');
  });

  it('when its sidecar runs but never gets ready', async () => {
    const { code, message } = await failedStart('unready', {
      SIDECAR_HEALTH_PATH: '/absent',
      REMOTE_START_TIMEOUT_MS: '15000',
    });
    expect(code).toBe('POD_FAILED');
    expect(message).toContain('not ready within 15 s (REMOTE_START_TIMEOUT_MS)');
    expect(message).toMatch(/Readiness probe failed: HTTP probe failed with statuscode: 40\d/);
    expect(message).toContain('SIDECAR_HEALTH_PATH');
  });

  it('when it has less memory than it needs', async () => {
    const environment = { REMOTE_MEMORY_LIMIT: '24Mi', REMOTE_MEMORY_REQUEST: '24Mi' };
    const { message } = await failedStart('memory', environment);
    expect(message).toMatch(/OOMKilled|signal 9|exit code 137/);
    expect(message).toContain('REMOTE_MEMORY_LIMIT');
  });

  it('when its ServiceAccount is not there', async () => {
    const { code, message } = await failedStart('account', { REMOTE_SERVICE_ACCOUNT: 'absent' });
    expect(code).toBe('PERMISSION_DENIED');
    expect(message).toContain('absent');
  });

  it('when the quota of the namespace is used up', async () => {
    const quota = { metadata: { name: 'few' }, spec: { hard: { pods: '0' } } };
    await using scope = await openCluster();
    await scope.core.createNamespacedResourceQuota({ namespace: scope.namespace, body: quota });
    await using under = await openManager(scope);
    const { code, message } = await failureOf(under, 'quota');
    expect(code).toBe('RESOURCE_LIMIT');
    expect(message).toContain('exceeded quota: few');
    expect(message).toContain('ResourceQuota');
  });

  it('when it is deleted while it starts', async () => {
    const environment = { REMOTE_CPU_REQUEST: '500', REMOTE_CPU_LIMIT: '500' };
    await using under = await openManager(cluster, { environment });
    const progress = keptProgress();
    const failing = failureOf(under, 'deleted', progress);
    await until('the pod is waited for', () =>
      progress.lines.some((line) => line.includes('Insufficient cpu')),
    );
    const pod = { name: 'shadow-deleted', namespace: cluster.namespace };
    await cluster.core.deleteNamespacedPod({ ...pod, gracePeriodSeconds: 0 });
    const { code, message } = await failing;
    expect(code).toBe('POD_FAILED');
    expect(message).toContain('was deleted while it started');
  });
});

describe('another attempt after a start that failed', () => {
  it('has another pod, with the settings of the day', async () => {
    const wrong = {
      REMOTE_CPU_REQUEST: '500',
      REMOTE_CPU_LIMIT: '500',
      REMOTE_UNSCHEDULABLE_GRACE_MS: '500',
    };
    {
      await using under = await openManager(cluster, { environment: wrong });
      await failureOf(under, 'again');
    }
    await using under = await openManager(cluster);
    await runSteps(under, specOf('again'), keptProgress(), ['WAIT_SIDECAR_READY']);
    const [pod] = under.cluster.pods.list().filter(({ metadata }) => metadata?.name === 'shadow-again');
    expect(pod?.spec?.containers[0]?.resources?.requests).toMatchObject({ cpu: '20m' });
    expect(await under.manager.cleanupWorkspace('again')).toEqual({ success: true });
  });
});
