import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unwrap } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { until } from '../support/until.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { deletePod } from './support/objects.ts';
import {
  keptProgress,
  type ManagerUnderTest,
  openManager,
  runSteps,
  specOf,
} from './support/remote-manager.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let under: ManagerUnderTest;
let directory: string;
let repository: string;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  for (const name of ['one', 'two', 'cache']) await provideVolume(name);
  const claim = {
    metadata: { name: 'build-cache' },
    spec: {
      accessModes: ['ReadWriteMany'],
      storageClassName: `${cluster.namespace}-cache`,
      resources: { requests: { storage: '1Gi' } },
    },
  };
  await cluster.core.createNamespacedPersistentVolumeClaim({ namespace: cluster.namespace, body: claim });
  const environment = {
    REMOTE_STORAGE: 'pvc',
    REMOTE_STORAGE_CLASS: cluster.namespace,
    REMOTE_BUILD_CACHE_CLAIM: 'build-cache',
  };
  under = resources.use(await openManager(cluster, { environment }));
});
afterAll(() => resources.disposeAsync());

/** A volume on this machine, which is the node. The cluster has no provisioner: this is what one would do. */
async function provideVolume(name: string): Promise<void> {
  const path = join(directory, 'volumes', name);
  // A hostPath is not given to the pod's group, as real volumes are.
  await mkdir(path, { recursive: true, mode: 0o777 });
  await chmod(path, 0o777);
  const volume = `${cluster.namespace}-${name}`;
  const isCache = name === 'cache';
  await cluster.core.createPersistentVolume({
    body: {
      metadata: { name: volume },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: [isCache ? 'ReadWriteMany' : 'ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: isCache ? `${cluster.namespace}-cache` : cluster.namespace,
        hostPath: { path },
      },
    },
  });
  resources.defer(async () => void (await cluster.core.deletePersistentVolume({ name: volume })));
}

describe('a workspace on a volume', () => {
  it('is suspended and brought back with its files, on its branch, without asking the repository', async () => {
    await runSteps(under, specOf('kept', repository));
    const { manager } = under;
    expect(manager.capabilities.suspend).toBe(true);
    const { executor } = unwrap(await manager.getExecutor('kept'));
    unwrap(await executor.writeFile({ path: 'loose.txt', content: 'loose\n' }));
    expect(await manager.suspend('kept')).toEqual({ success: true });
    expect(await manager.getWorkspaceStatus('kept')).toMatchObject({ status: 'suspended' });
    expect(await executor.readFile({ path: 'loose.txt' })).toMatchObject({ success: false });
    expect(await manager.getExecutor('kept')).toMatchObject({ error: { code: 'WORKSPACE_NOT_READY' } });
    const progress = keptProgress();
    const prepared = await runSteps(under, specOf('kept', repository), progress);
    expect(prepared).toMatchObject({ baseBranch: 'main', branch: 'shadow/kept' });
    expect(progress.lines.join('\n')).toContain('as it was left');
    expect(await manager.getWorkspaceStatus('kept')).toEqual({ status: 'ready' });
    const again = unwrap(await manager.getExecutor('kept')).executor;
    expect(await again.readFile({ path: 'loose.txt' })).toMatchObject({ content: 'loose\n' });
    const { branch } = unwrap(await again.gitStatus());
    expect(branch).toBe('shadow/kept');
  });

  it('gives its work back in a new pod when the one it had went away', async () => {
    const { manager } = under;
    const { executor } = unwrap(await manager.getExecutor('kept'));
    unwrap(await executor.writeFile({ path: 'before.txt', content: 'before\n' }));
    await deletePod(cluster, 'kept');
    await until('it is seen', async () => (await manager.getWorkspaceStatus('kept')).status === 'suspended');
    await runSteps(under, specOf('kept', repository));
    const again = unwrap(await manager.getExecutor('kept')).executor;
    expect(await again.readFile({ path: 'before.txt' })).toMatchObject({ content: 'before\n' });
  });

  it('shares a cache of downloads and objects with the others', async () => {
    const { executor } = unwrap(await under.manager.getExecutor('kept'));
    unwrap(
      await executor.executeCommand({
        command: 'mkdir -p "$npm_config_cache" && echo hit > "$npm_config_cache/shared"',
      }),
    );
    await runSteps(under, specOf('other', repository));
    const other = unwrap(await under.manager.getExecutor('other')).executor;
    const { process } = unwrap(
      await other.executeCommand({ command: 'test "$(cat /cache/npm/shared)" = hit' }),
    );
    expect(process.exitCode).toBe(0);
  });

  it('goes with its volume when it is cleaned up', async () => {
    expect(await under.manager.cleanupWorkspace('kept')).toEqual({ success: true });
    const query = { namespace: cluster.namespace };
    await until('its claim is gone', async () => {
      const { items } = await cluster.core.listNamespacedPersistentVolumeClaim(query);
      return !items.some(({ metadata }) => metadata?.name === 'shadow-kept');
    });
  });
});
