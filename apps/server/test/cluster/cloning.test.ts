import { unwrap } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GitRemotes } from '../../src/execution/conformance/index.ts';
import { startGitServer } from '../conformance/support/git-server.ts';
import { type ClusterTest, NODE, openCluster } from './support/cluster.ts';
import { keptProgress, openManager, runSteps, specOf } from './support/remote-manager.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let reachable: GitRemotes;
let hidden: GitRemotes;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  reachable = resources.use(await startGitServer(NODE));
  hidden = resources.use(await startGitServer());
});
afterAll(() => resources.disposeAsync());

/** Brings a repository into a pod and says how that went. */
async function clone(taskId: string, url: string, environment: Record<string, string> = {}) {
  await using under = await openManager(cluster, { environment });
  const progress = keptProgress();
  const prepared = await runSteps(under, specOf(taskId, url), progress);
  const { executor } = unwrap(await under.manager.getExecutor(taskId));
  const { content } = unwrap(await executor.readFile({ path: 'a.txt' }));
  const isOrigin = `test "$(git config remote.origin.url)" = ${url}`;
  const origin = unwrap(await executor.executeCommand({ command: isOrigin }));
  expect(origin.process.exitCode).toBe(0);
  return { prepared, content, told: progress.lines.join('\n') };
}

describe('a repository comes into a pod', () => {
  it('by a clone there when anybody may read it', async () => {
    const url = await reachable.create();
    const commit = await reachable.commit(url, 'main', { 'a.txt': 'public\n' });
    const { prepared, content, told } = await clone('public', url);
    expect(prepared).toMatchObject({ baseBranch: 'main', baseCommit: commit, branch: 'shadow/public' });
    expect(content).toBe('public\n');
    expect(told).toContain(`Cloning ${url} in the pod.`);
    expect(told).not.toContain('mirror');
  });

  it('from the server’s mirror when the pod cannot reach it, and says so', async () => {
    const url = await hidden.create();
    const commit = await hidden.commit(url, 'main', { 'a.txt': 'hidden\n' });
    const { prepared, content, told } = await clone('hidden', url);
    expect(prepared).toMatchObject({ baseCommit: commit });
    expect(content).toBe('hidden\n');
    expect(told).toContain('The pod cannot clone it');
    expect(told).toContain('from the server’s mirror');
  });

  it('from the server’s mirror where pods may connect to nothing', async () => {
    const url = await reachable.create();
    await reachable.commit(url, 'main', { 'a.txt': 'closed\n' });
    const { content, told } = await clone('closed', url, { REMOTE_EGRESS: 'none' });
    expect(content).toBe('closed\n');
    expect(told).not.toContain('in the pod');
  });

  it('not at all when only the pod is to clone and it cannot', async () => {
    const url = await hidden.create();
    await hidden.commit(url, 'main', { 'a.txt': 'hidden\n' });
    const refused = clone('refused', url, { REMOTE_CLONE: 'pod' });
    await expect(refused).rejects.toMatchObject({ error: { code: 'REPOSITORY_UNREACHABLE' } });
  });
});
