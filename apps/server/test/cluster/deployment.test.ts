import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PORT_FORWARD, RUN_IN_CLUSTER } from '../manifests/support/doc-commands.ts';
import { K8S, kustomize } from '../manifests/support/kustomize.ts';
import { temporaryDirectory } from '../support/git-repository.ts';
import { command, resultsOf, SCRIPTED, scriptPrompt, write } from '../support/script.ts';
import { routeToApiServer } from './support/api-server-route.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { type Deployment, deployLocal, kubectl } from './support/deployment.ts';
import { objectsOfTask } from './support/objects.ts';

/** The kubelet of the test cluster allows a pod so many processes (its podPidsLimit). */
const PID_LIMIT = 1024;
const PATIENCE = { timeout: 120_000, interval: 250 };

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let deployment: Deployment;
let directory: string;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
  cluster = resources.use(await openCluster());
  resources.use(await routeToApiServer(cluster.kubeconfig));
  deployment = resources.use(await deployLocal(cluster, directory));
});
afterAll(() => resources.disposeAsync());

async function runSample(title: string, steps: Parameters<typeof scriptPrompt>[1]) {
  const prompt = scriptPrompt(title, steps);
  const { id } = await deployment.api.createTask({ body: { repository: 'sample', prompt, model: SCRIPTED } });
  return { id, ...(await settled(id)) };
}

async function settled(taskId: string) {
  const params = { taskId };
  await expect
    .poll(async () => (await deployment.api.getTask({ params })).status, PATIENCE)
    .toMatch(/^(ready-for-review|failed|stopped|interrupted)$/);
  const { events } = await deployment.api.listEvents({ params, query: { afterSeq: 0, limit: 500 } });
  return { task: await deployment.api.getTask({ params }), events };
}

describe('the server of the local overlay, in the cluster', () => {
  it('runs as an ordinary user without privileges on a root that it cannot write', async () => {
    const { spec } = await cluster.core.readNamespacedPod({
      name: await deployment.pod(),
      namespace: cluster.namespace,
    });
    expect(spec).toMatchObject({
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    });
    const status = await deployment.exec('cat', '/proc/1/status');
    expect(status).toMatch(/^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect(status).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
    }
    await expect(deployment.exec('touch', '/app/file')).rejects.toThrow(/Read-only file system/);
    const variables = await deployment.exec('env');
    expect(variables).not.toMatch(/SHADOW_SERVER_SERVICE_HOST/);
  });

  it('serves the web UI and finds itself well', async () => {
    const page = await fetch(deployment.url);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<div id="root">');
    expect(await deployment.exec('shadow', 'doctor')).toContain('Shadow runs at');
  });

  it('runs a task in a pod of its own, with the rights of its Role and no others', async () => {
    const { id, task, events } = await runSample('Make a file', [
      write('one.txt', 'one\n'),
      command('id -u; pwd; cat one.txt'),
      { text: 'Made.' },
    ]);
    expect(task).toMatchObject({ status: 'ready-for-review', error: null });
    expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('1000\n/workspace/repo\none');
    const { pods } = await objectsOfTask(cluster, id);
    expect(pods).toHaveLength(1);
  });

  it('gives the pod of a task no more than it needs, as the live object and the process itself show', async () => {
    const { id, events } = await runSample('Look around', [
      command('cat /proc/self/status; ls /var/run/secrets 2>&1; env; grep " / " /proc/self/mounts'),
      { text: 'Seen.' },
    ]);
    const output = resultsOf(events, 'executeCommand')[0]?.preview ?? '';
    expect(output).toMatch(/NoNewPrivs:\s+1/);
    expect(output).toMatch(/Seccomp:\s+2/);
    expect(output).toMatch(/CapBnd:\s+0+$/m);
    expect(output).toMatch(/secrets.*No such file|No such file.*secrets/);
    expect(output).toMatch(/ \/ \w+ ro,/);
    expect(output).not.toMatch(/_SERVICE_HOST=(?!198\.19\.0\.1\b)/);
    const { pods } = await objectsOfTask(cluster, id);
    const name = pods[0]?.name ?? '';
    const { spec, metadata } = await cluster.core.readNamespacedPod({ name, namespace: cluster.namespace });
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      serviceAccountName: 'shadow-workspace',
      priorityClassName: 'shadow-workspace',
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['1.1.1.1', '8.8.8.8'] },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(spec?.containers).toMatchObject([
      {
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: { limits: { 'ephemeral-storage': expect.any(String), memory: expect.any(String) } },
      },
    ]);
    expect(metadata?.labels).toMatchObject({ 'shadow.dev/egress': 'public' });
    const qos = 'burstable';
    const group = `/sys/fs/cgroup/pids/kubepods/${qos}/pod${metadata?.uid}/pids.max`;
    expect(Number(await readFile(group, 'utf8'))).toBe(PID_LIMIT);
  });

  it('keeps everything when its pod is replaced', async () => {
    const { id } = await runSample('Before', [write('kept.txt', 'kept\n'), { text: 'Kept.' }]);
    await deployment.replacePod();
    const params = { taskId: id };
    expect(await deployment.api.getTask({ params })).toMatchObject({ status: 'ready-for-review' });
    const { lastSeq } = await deployment.api.getTask({ params });
    const text = scriptPrompt('After', [command('cat kept.txt'), { text: 'Still there.' }]);
    await deployment.api.sendMessage({ params, body: { text } });
    const results = async () => {
      const query = { afterSeq: lastSeq, limit: 500 };
      const { events } = await deployment.api.listEvents({ params, query });
      return resultsOf(events, 'executeCommand').map(({ preview }) => preview);
    };
    await expect.poll(results, PATIENCE).toEqual([expect.stringContaining('kept')]);
  });
});

describe('the commands of docs/deployment.md', () => {
  /** A command of the page, for the namespace of this test. */
  const here = (line: string) => line.replaceAll(/(-n|namespace) shadow\b/g, `$1 ${cluster.namespace}`);

  beforeAll(async () => {
    const example = join(K8S, '..', 'production-config.example.env');
    await copyFile(example, join(directory, 'production-config.env'));
  });
  it.each(RUN_IN_CLUSTER)('%s', async (line) => {
    // What fails inside of an export would go unseen.
    const script = here(line).replace(/^export /, '');
    const shell = promisify(execFile)('bash', ['-eo', 'pipefail', '-c', script], { cwd: directory });
    expect((await shell).stderr).not.toContain('rror');
  });

  it(PORT_FORWARD, async () => {
    const [program = '', ...args] = here(PORT_FORWARD).replace('4000:80', ':80').split(' ');
    const forward = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = await once(createInterface({ input: forward.stdout }), 'line');
      const [, port] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(String(line)) ?? [];
      expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(200);
    } finally {
      forward.kill();
    }
  });

  it('kubectl apply --dry-run=server, of the production overlay and the volume for a small cluster', async () => {
    await using empty = await openCluster();
    const groups = (await kubectl('api-versions')).split('\n');
    const manifests = (await kustomize('overlays/production')).filter(({ apiVersion }) =>
      groups.includes(apiVersion),
    );
    expect(manifests.length).toBeGreaterThan(15);
    const moved = manifests
      .filter(({ kind }) => kind !== 'Namespace')
      .map(({ metadata, ...manifest }) => {
        const { namespace } = empty;
        const place = metadata.namespace === undefined ? metadata : { ...metadata, namespace };
        return { ...manifest, metadata: place };
      });
    const child = spawn('kubectl', ['apply', '--dry-run=server', '-f', '-'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: moved }));
    const [taken, refused] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(refused).toBe('');
    expect(taken.match(/\(server dry run\)/g)).toHaveLength(moved.length);
    const volume = join(K8S, 'overlays/local/home-volume.yaml');
    expect(await kubectl('apply', '--dry-run=server', '-f', volume)).toContain('server dry run');
  });
});
