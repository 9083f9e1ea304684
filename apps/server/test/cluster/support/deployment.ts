import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { type ApiClient, createApiClient } from '@shadow/client';
import { vi } from 'vitest';
import { K8S, missingKustomize } from '../../manifests/support/kustomize.ts';
import type { ClusterTest } from './cluster.ts';

const USER = 1000;
const PATIENCE_MS = 120_000;

/** Shadow as `k8s/overlays/local` deploys it, in the namespace of a test. */
export interface Deployment extends AsyncDisposable {
  readonly api: ApiClient;
  readonly url: string;
  /** Name of the server's pod now. */
  pod(): Promise<string>;
  /** Runs a command in the server's pod. @returns its output @throws with its error output */
  exec(...command: string[]): Promise<string>;
  /** Deletes the server's pod and waits for the next one. */
  replacePod(): Promise<void>;
}

/**
 * Deploys the overlay as it is; only the namespace is the test's. This machine is the node, so the server's home, for
 * which this cluster has no StorageClass, is a directory here.
 * @param directory for what the test makes; it is removed by the caller
 */
export async function deployLocal(cluster: ClusterTest, directory: string): Promise<Deployment> {
  const lacking = missingKustomize();
  if (lacking !== undefined) throw new Error(lacking);
  const { namespace } = cluster;
  await using undo = new AsyncDisposableStack();
  const volume = await provideHome(cluster, join(directory, 'home'));
  undo.defer(async () => void (await cluster.core.deletePersistentVolume({ name: volume })));
  const overlay = join(directory, 'overlay');
  await mkdir(overlay);
  const resources = [relative(overlay, join(K8S, 'overlays/local'))];
  await writeFile(join(overlay, 'kustomization.yaml'), JSON.stringify({ namespace, resources }));
  await apply(await kubectl('kustomize', overlay));
  await untilRolledOut(cluster);
  const url = await serviceUrl(cluster);
  await untilServed(url);
  const apiKey = (await execIn(namespace, 'cat', '/var/lib/shadow/cli-key')).trim();
  const kept = undo.move();
  return {
    url,
    api: createApiClient({ baseUrl: url, apiKey }),
    pod: () => serverPod(cluster),
    exec: (...command) => execIn(namespace, ...command),
    replacePod: async () => {
      await replacePod(cluster);
      await untilServed(url);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** @returns standard output @throws with standard error when it fails */
export async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('kubectl', args, { maxBuffer: 16 * 2 ** 20 });
  return stdout;
}

async function apply(manifests: string): Promise<void> {
  const child = spawn('kubectl', ['apply', '--filename', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdin.end(manifests);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`kubectl apply: ${errors}`);
}

/** A volume that only the claim of this test may have. @returns its name */
async function provideHome({ core, namespace }: ClusterTest, path: string): Promise<string> {
  await mkdir(path);
  // As k8s/overlays/local/home-volume.yaml says; the kubelet changes no owner of such a directory.
  await chown(path, USER, USER);
  await chmod(path, 0o700);
  const name = `${namespace}-home`;
  await core.createPersistentVolume({
    body: {
      metadata: { name },
      spec: {
        capacity: { storage: '2Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { namespace, name: 'shadow-home' },
        hostPath: { path, type: 'Directory' },
      },
    },
  });
  return name;
}

async function untilRolledOut({ namespace }: ClusterTest): Promise<void> {
  try {
    await kubectl('-n', namespace, 'rollout', 'status', 'deployment/shadow-server', '--timeout=180s');
  } catch (cause) {
    const pods = await kubectl('-n', namespace, 'describe', 'pods');
    const logs = await kubectl('-n', namespace, 'logs', 'deployment/shadow-server').catch(String);
    throw new Error(`the server did not come up:\n${pods.slice(-4000)}\n${logs.slice(-4000)}`, { cause });
  }
}

async function serviceUrl({ core, namespace }: ClusterTest): Promise<string> {
  const { spec } = await core.readNamespacedService({ name: 'shadow-server', namespace });
  return `http://${spec?.clusterIP}`;
}

function execIn(namespace: string, ...command: string[]): Promise<string> {
  return kubectl('-n', namespace, 'exec', 'deployment/shadow-server', '--', ...command);
}

async function serverPod({ core, namespace }: ClusterTest): Promise<string> {
  const labelSelector = 'app.kubernetes.io/name=shadow-server';
  const { items } = await core.listNamespacedPod({ namespace, labelSelector });
  const [pod] = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  return pod?.metadata?.name ?? '';
}

async function replacePod(cluster: ClusterTest): Promise<void> {
  const { core, namespace } = cluster;
  const name = await serverPod(cluster);
  await core.deleteNamespacedPod({ name, namespace });
  await kubectl('-n', namespace, 'wait', '--for=delete', `pod/${name}`, '--timeout=120s');
  await untilRolledOut(cluster);
}

/**
 * A Service goes to a new pod some time after the pod is ready. Before that its address may lead anywhere else, and a
 * connection that is kept would go on doing so: each question opens one of its own.
 */
async function untilServed(url: string): Promise<void> {
  const ask = async () => {
    const request = get(`${url}/api/health`, { agent: false });
    const [response]: IncomingMessage[] = await once(request, 'response');
    response?.destroy();
    if (response?.statusCode !== 200) throw new Error(`the server answers ${response?.statusCode}`);
  };
  await vi.waitFor(ask, { timeout: PATIENCE_MS, interval: 100 });
}
