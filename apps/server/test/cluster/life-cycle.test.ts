import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { unwrap } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ToolExecutor } from '../../src/execution/interfaces/tool-executor.ts';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { until } from '../support/until.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { deletePod } from './support/objects.ts';
import { openHand } from './support/pod-hand.ts';
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
let repository: string;
let base: string;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  under = resources.use(await openManager(cluster));
  const directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  base = await git(repository, 'rev-parse', 'HEAD');
});
afterAll(() => resources.disposeAsync());

async function executorOf(taskId: string, { manager } = under): Promise<ToolExecutor> {
  return unwrap(await manager.getExecutor(taskId)).executor;
}

async function output(executor: ToolExecutor, command: string): Promise<string> {
  const { process } = unwrap(await executor.executeCommand({ command }));
  let text = '';
  for await (const frame of executor.readOutput({ processId: process.processId, fromOffset: 0 })) {
    if (frame.type === 'data') text += Buffer.from(frame.data).toString('utf8');
  }
  return text;
}

describe('a workspace in a pod', () => {
  it('comes up with the repository at its base, on its branch, and is told about as it does', async () => {
    const progress = keptProgress();
    const prepared = await runSteps(under, specOf('first', repository), progress);
    expect(prepared).toEqual({
      baseBranch: 'main',
      baseCommit: base,
      branch: 'shadow/first',
      path: undefined,
      podName: 'shadow-first',
      start: { from: 'base', commit: base },
    });
    const told = progress.lines.join('\n');
    expect(told).toContain('Scheduled on ');
    expect(told).toContain('The sidecar answers.');
    expect(told).toContain('from the server’s mirror');
    expect(await under.manager.getWorkspaceStatus('first')).toEqual({ status: 'ready' });
    expect(await under.manager.healthCheck('first')).toEqual({ success: true });
    const executor = await executorOf('first');
    const config = await output(
      executor,
      'git config remote.origin.url; git config shadow.base; git branch --show-current',
    );
    expect(config).toBe(`${repository}\n${base} main\nshadow/first\n`);
  });

  it('is left as it is when its steps run again, by another server too', async () => {
    await runSteps(under, specOf('again', repository));
    await (await executorOf('again')).writeFile({ path: 'kept.txt', content: 'kept\n' });
    await using other = await openManager(cluster);
    const progress = keptProgress();
    const prepared = await runSteps(other, specOf('again', repository), progress);
    expect(prepared).toMatchObject({ baseCommit: base, branch: 'shadow/again' });
    expect(progress.lines.join('\n')).toContain('as it was left');
    expect(await other.manager.list()).toContain('again');
    expect(await output(await executorOf('again', other), 'cat kept.txt')).toBe('kept\n');
  });

  it('tells its size, its use and what in it would be lost, and archives that', async () => {
    await runSteps(under, specOf('work', repository));
    const { manager } = under;
    expect(await manager.getUnsavedWork('work', base)).toEqual({
      success: true,
      uncommitted: false,
      commits: 0,
    });
    const executor = await executorOf('work');
    unwrap(await executor.writeFile({ path: 'work.txt', content: 'x'.repeat(100_000) }));
    expect(await manager.getUnsavedWork('work', base)).toMatchObject({ uncommitted: true });
    const size = unwrap(await manager.getWorkspaceSize('work'));
    expect(size.bytes).toBeGreaterThan(100_000);
    expect(await manager.getMetrics('work')).toMatchObject({ success: true });
    const { bundlePath } = unwrap(await manager.archiveWorkspace('work', base));
    const heads = await git(repository, 'bundle', 'list-heads', bundlePath ?? '');
    expect(heads).toContain('refs/heads/shadow/work');
  });

  it('has the bounds that its task asks for', async () => {
    const resources = { cpu: '15m', memory: '300Mi' };
    await runSteps(under, { ...specOf('bounded', repository), resources }, keptProgress(), ['CREATE_POD']);
    const container = under.cluster.pods.get('shadow-bounded')?.spec?.containers[0];
    expect(container?.resources).toMatchObject({
      limits: { cpu: '15m', memory: '300Mi' },
      // Asked for is never more than may be used.
      requests: { cpu: '15m', memory: '64Mi' },
    });
  });

  it('is not to be suspended where its files would go with the pod', async () => {
    expect(under.manager.capabilities.suspend).toBe(false);
    expect(await under.manager.suspend('first')).toMatchObject({ error: { code: 'UNSUPPORTED' } });
  });
});

describe('a workspace whose pod goes away', () => {
  it('is lost, says so to a command under way and names what is kept', async () => {
    await runSteps(under, specOf('lost', repository));
    const executor = await executorOf('lost');
    const changes: string[] = [];
    const stop = under.manager.onChange((taskId) => changes.push(taskId));
    const running = executor.executeCommand({ command: 'sleep 600' });
    await until('the command runs', async () => {
      const listed = await executor.listProcesses();
      return listed.success && listed.processes.some(({ state }) => state === 'running');
    });
    await deletePod(cluster, 'lost');
    expect(await running).toMatchObject({ success: false, error: { code: 'WORKSPACE_LOST' } });
    expect(changes).toContain('lost');
    stop();
    const state = await under.manager.getWorkspaceStatus('lost');
    expect(state.status).toBe('lost');
    expect(state.message).toContain('REMOTE_STORAGE=pvc');
    for (const result of [
      await under.manager.getExecutor('lost'),
      await under.manager.healthCheck('lost'),
      await executor.readFile({ path: 'readme.md' }),
    ]) {
      expect(result).toMatchObject({ success: false, error: { code: 'WORKSPACE_LOST' } });
    }
  });

  it('is lost, too, when somebody put another pod in its place; its steps, run again, make another one', async () => {
    await runSteps(under, specOf('replaced', repository));
    const { metadata, spec } = under.cluster.pods.get('shadow-replaced') ?? {};
    await deletePod(cluster, 'replaced');
    await until('the pod is gone', () => under.cluster.pods.get('shadow-replaced') === undefined);
    const { name, labels, ownerReferences } = metadata ?? {};
    const { nodeName: _, ...podSpec } = spec ?? { containers: [] };
    const copy = { metadata: { name, labels, ownerReferences }, spec: podSpec } as V1Pod;
    await cluster.core.createNamespacedPod({ namespace: cluster.namespace, body: copy });
    await until('the pod is seen', () => under.cluster.pods.get('shadow-replaced') !== undefined);
    const state = await under.manager.getWorkspaceStatus('replaced');
    expect(state).toMatchObject({ status: 'lost', message: expect.stringContaining('replaced') });
    await deletePod(cluster, 'replaced');
    await until('the pod is gone', () => under.cluster.pods.get('shadow-replaced') === undefined);
    await runSteps(under, specOf('replaced', repository));
    expect(await under.manager.getWorkspaceStatus('replaced')).toEqual({ status: 'ready' });
  });

  it('is lost, too, when it was evicted, in the kubelet’s own words', async () => {
    await using small = await openManager(cluster, { environment: { REMOTE_STORAGE_SIZE: '20Mi' } });
    await runSteps(small, specOf('evicted', repository));
    const executor = await executorOf('evicted', small);
    await executor.executeCommand({ command: 'head -c 60000000 /dev/zero > big; sleep 300' });
    const state = await small.manager.getWorkspaceStatus('evicted');
    expect(state.status).toBe('lost');
    expect(state.message).toMatch(/evicted.*exceeds the limit/s);
  });
});

describe('a workspace whose container dies', () => {
  it('of too much memory, keeps its files and is worked on again', async () => {
    await runSteps(under, specOf('memory', repository));
    const executor = await executorOf('memory');
    unwrap(await executor.writeFile({ path: 'kept.txt', content: 'kept\n' }));
    // More than the pod may use: the kernel ends the command, and nothing else.
    const grow = 'exec node -e "const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))"';
    const hog = unwrap(await executor.executeCommand({ command: grow }));
    expect(hog.process).toMatchObject({ signal: 'SIGKILL' });
    const pod = { namespace: cluster.namespace, name: 'shadow-memory' };
    const hand = await openHand(cluster.kubeconfig, pod);
    // What the kernel may pick as well: the process that the container ends with.
    await hand.run('kill -KILL $(pgrep -f [s]upervisor.mjs)').catch(() => undefined);
    hand.close();
    await until('the container was started again', () => {
      const [status] = under.cluster.pods.get('shadow-memory')?.status?.containerStatuses ?? [];
      return (status?.restartCount ?? 0) > 0;
    });
    expect(await executor.readFile({ path: 'kept.txt' })).toMatchObject({ success: true, content: 'kept\n' });
    expect(await under.manager.getWorkspaceStatus('memory')).toMatchObject({ status: 'ready' });
  });

  it('or rather only its HTTP process: commands go on, and nothing of their output is missing', async () => {
    await runSteps(under, specOf('http', repository));
    const executor = await executorOf('http');
    const running = executor.executeCommand({
      command: 'for i in $(seq 40); do echo line $i; sleep 0.1; done',
    });
    await until('the command runs', async () => {
      const listed = await executor.listProcesses();
      return listed.success && listed.processes.some(({ state }) => state === 'running');
    });
    const hand = await openHand(cluster.kubeconfig, { namespace: cluster.namespace, name: 'shadow-http' });
    await hand.run('kill -KILL $(pgrep -f [s]idecar/dist/main.mjs)');
    hand.close();
    const { process } = unwrap(await running);
    expect(process.exitCode).toBe(0);
    let text = '';
    for await (const frame of executor.readOutput({ processId: process.processId, fromOffset: 0 })) {
      if (frame.type === 'data') text += Buffer.from(frame.data).toString('utf8');
    }
    expect(text.trim().split('\n')).toEqual(Array.from({ length: 40 }, (_, index) => `line ${index + 1}`));
    const [status] = under.cluster.pods.get('shadow-http')?.status?.containerStatuses ?? [];
    expect(status?.restartCount).toBe(0);
  });
});

describe('the token of a pod', () => {
  it('is asked for again when it was changed', async () => {
    await runSteps(under, specOf('token', repository));
    const executor = await executorOf('token');
    unwrap(await executor.readFile({ path: 'readme.md' }));
    await using other = await openManager(cluster);
    const secret = { name: 'shadow-token', namespace: cluster.namespace };
    const before = (await cluster.core.readNamespacedSecret(secret)).data?.token ?? '';
    const token = Buffer.from(before, 'base64').toString('utf8');
    const changed = `${token}-changed`;
    // Not by the Service: the node may not know of the pod behind it yet.
    const podIP = () => under.cluster.pods.get('shadow-token')?.status?.podIP;
    await until('the kubelet has told its address', () => podIP() !== undefined);
    const claimed = await fetch(`http://${podIP()}:8080/api/workspace/claim`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': 'change',
      },
      body: JSON.stringify({ token: changed }),
    });
    expect(claimed.status).toBe(200);
    await other.cluster.api.secrets.patch('shadow-token', {
      data: { token: Buffer.from(changed).toString('base64') },
    });
    expect(await executor.readFile({ path: 'readme.md' })).toMatchObject({ success: true });
  });
});
