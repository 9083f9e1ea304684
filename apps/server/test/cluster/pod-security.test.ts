import { createHash } from 'node:crypto';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unwrap } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { type ManagerUnderTest, openManager, runSteps, specOf } from './support/remote-manager.ts';
import { tokensOf } from './support/warm-pools.ts';

const NAME = 'shadow-secure';
const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let under: ManagerUnderTest;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  under = resources.use(await openManager(cluster));
  const directory = resources.use(await temporaryDirectory()).path;
  const repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  await runSteps(under, specOf('secure', repository));
});
afterAll(() => resources.disposeAsync());

/** What a command of the agent prints, its complaints included. */
async function says(command: string): Promise<string> {
  const { executor } = unwrap(await under.manager.getExecutor('secure'));
  const { process } = unwrap(await executor.executeCommand({ command: `{ ${command}; } 2>&1` }));
  let text = '';
  for await (const frame of executor.readOutput({ processId: process.processId, fromOffset: 0 })) {
    if (frame.type === 'data') text += Buffer.from(frame.data).toString('utf8');
  }
  return text;
}

describe('the pod as the cluster has it', () => {
  it('runs as nobody in particular, with no right that can be taken away', async () => {
    const pod = await cluster.core.readNamespacedPod({ name: NAME, namespace: cluster.namespace });
    expect(pod.spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: 'Always',
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(pod.spec?.hostNetwork ?? pod.spec?.hostPID ?? pod.spec?.hostIPC ?? false).toBe(false);
    const [container] = pod.spec?.containers ?? [];
    expect(pod.spec?.containers).toHaveLength(1);
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      privileged: false,
      capabilities: { drop: ['ALL'] },
    });
    for (const bound of ['cpu', 'memory', 'ephemeral-storage']) {
      expect(container?.resources?.limits).toHaveProperty(bound);
      expect(container?.resources?.requests).toHaveProperty(bound);
    }
  });

  it('has bounded volumes, and of its Secret nothing but a digest', async () => {
    const { spec } = await cluster.core.readNamespacedPod({ name: NAME, namespace: cluster.namespace });
    const volumes = new Map((spec?.volumes ?? []).map((volume) => [volume.name, volume]));
    expect([...volumes.keys()].toSorted()).toEqual(['tmp', 'workspace']);
    expect(volumes.get('workspace')?.emptyDir?.sizeLimit).toBe('1Gi');
    expect(volumes.get('tmp')?.emptyDir?.sizeLimit).toBe('2Gi');
    const [container] = spec?.containers ?? [];
    expect([container?.envFrom, container?.env?.filter(({ valueFrom }) => valueFrom)]).toEqual([
      undefined,
      [],
    ]);
    const { token } = await tokensOf(cluster, NAME);
    const digest = createHash('sha256').update(token).digest('hex');
    expect(container?.env).toContainEqual({ name: 'SIDECAR_TOKEN_SHA256', value: digest });
  });

  it('belongs to its anchor, by labels and by owner', async () => {
    const query = { name: NAME, namespace: cluster.namespace };
    const [pod, anchor] = await Promise.all([
      cluster.core.readNamespacedPod(query),
      cluster.core.readNamespacedConfigMap(query),
    ]);
    expect(pod.metadata?.labels).toEqual({
      'app.kubernetes.io/name': 'shadow-workspace',
      'app.kubernetes.io/managed-by': 'shadow',
      'app.kubernetes.io/instance': 'shadow',
      'shadow.dev/workspace': NAME,
      'shadow.dev/state': 'claimed',
      'shadow.dev/task': 'secure',
      'shadow.dev/egress': 'public',
    });
    expect(anchor.metadata?.annotations).toMatchObject({ 'shadow.dev/pod-uid': pod.metadata?.uid });
  });
});

describe('a command of the agent', () => {
  it('has no capability, cannot gain one, and is filtered by seccomp', async () => {
    const status = await says('id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status');
    expect(status).toMatch(/^1000\n/);
    expect(status).toMatch(/CapEff:\s+0+\n/);
    expect(status).toMatch(/CapBnd:\s+0+\n/);
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    expect(status).toMatch(/Seccomp:\s+2/);
  });

  it('writes nowhere but to its volumes', async () => {
    expect(await says('touch /etc/x /usr/x /app/x')).toMatch(/(Read-only file system[\s\S]*){3}/);
    expect(await says('touch /workspace/repo/x /workspace/home/x /tmp/x && echo fine')).toBe('fine\n');
  });

  it('finds no credential: no cluster token, no variable, nothing of git', async () => {
    expect(await says('ls /var/run/secrets/kubernetes.io')).toContain('No such file');
    const variables = await says('env');
    expect(variables).not.toMatch(/TOKEN|SECRET|PASSWORD|KEY|KUBERNETES|SIDECAR/i);
    // Those of the sidecar itself are the same user's: they hold nothing worth having.
    const { token } = await tokensOf(cluster, NAME);
    const search = `cat /proc/[0-9]*/environ /workspace/state/* 2>/dev/null | grep -a -c -F -e ${token.slice(0, 20)}`;
    expect(await says(search)).toBe('0\n');
    const settings = await says('git config --list --show-origin; ls -A "$HOME"');
    expect(settings).not.toMatch(/credential|extraheader|helper/i);
  });

  it('is bounded in processes, with all others of its pod, by the kubelet of the node', async () => {
    const pod = await cluster.core.readNamespacedPod({ name: NAME, namespace: cluster.namespace });
    // This machine is the node: the pod's own control group is here.
    const limits: number[] = [];
    for await (const file of glob(`/sys/fs/cgroup/**/*pod${pod.metadata?.uid}*/pids.max`)) {
      limits.push(Number(await readFile(file, 'utf8')));
    }
    expect(limits).toEqual([1024]);
  });
});
