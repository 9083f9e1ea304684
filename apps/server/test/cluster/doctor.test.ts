import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import type { ClusterCheck } from '../../src/execution/remote/doctor/check.ts';
import { examineCluster } from '../../src/execution/remote/doctor/examine-cluster.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { nodePod, openConnection, readyPod } from './support/connection.ts';

const resources = new AsyncDisposableStack();
let test: ClusterTest;

beforeAll(async () => {
  test = resources.use(await openCluster());
});
afterAll(() => resources.disposeAsync());

async function checks(environment: Record<string, string> = {}): Promise<ClusterCheck[]> {
  const { KUBECONFIG = '' } = process.env;
  const settings = { KUBECONFIG, KUBERNETES_NAMESPACE: test.namespace, ...environment };
  const found: ClusterCheck[] = [];
  for await (const check of examineCluster(loadConfig(settings).remote)) found.push(check);
  return found;
}

function problems(found: ClusterCheck[]): string {
  return found
    .flatMap(({ level, text, mend }) => (level === 'missing' ? [`${text} → ${mend}`] : []))
    .join('\n');
}

it('finds nothing missing in a cluster that has everything', async () => {
  const found = await checks();
  expect(problems(found)).toBe('');
  const text = found.map((check) => check.text).join('\n');
  expect(text).toContain('Kubernetes v');
  expect(text).toContain('permissions: all');
  expect(text).toContain('reach: by port-forward');
});

it('asks a pod that runs', async () => {
  await using connection = await openConnection(test);
  const { cluster } = connection;
  const pod = nodePod('asked', 'require("node:http").createServer((_, r) => r.end()).listen(8080)');
  const labels = { ...pod.metadata?.labels, 'app.kubernetes.io/name': 'shadow-workspace' };
  await cluster.api.pods.ensure({ ...pod, metadata: { ...pod.metadata, labels } });
  await readyPod(cluster, 'asked');
  const text = (await checks()).map((check) => check.text).join('\n');
  expect(text).toContain('reach: pod asked answers by port-forward (status 200)');
  expect(text).toContain('image shadow-sidecar:latest is in use');
  await cluster.api.pods.delete('asked', { graceSeconds: 0 });
});

it.each<[string, Record<string, string>, string]>([
  [
    'a namespace that does not exist',
    { KUBERNETES_NAMESPACE: 'nowhere' },
    'kubectl create namespace nowhere',
  ],
  ['a token that is not accepted', { K8S_SERVICE_ACCOUNT_TOKEN: 'none' }, 'does not accept the credentials'],
  ['a missing context', { KUBERNETES_CONTEXT: 'none' }, 'set KUBERNETES_CONTEXT to one of'],
  ['a missing PriorityClass', { REMOTE_PRIORITY_CLASS: 'none' }, 'REMOTE_PRIORITY_CLASS'],
  ['a missing ServiceAccount', { REMOTE_SERVICE_ACCOUNT: 'none' }, 'REMOTE_SERVICE_ACCOUNT'],
  ['a request above its limit', { REMOTE_CPU_REQUEST: '2' }, 'REMOTE_CPU_LIMIT'],
  [
    'a missing StorageClass',
    { REMOTE_STORAGE: 'pvc', REMOTE_STORAGE_CLASS: 'none' },
    'kubectl get storageclass',
  ],
  ['a missing build cache', { REMOTE_BUILD_CACHE_CLAIM: 'none' }, 'unset REMOTE_BUILD_CACHE_CLAIM'],
])('says what to do about %s', async (_what, environment, words) => {
  expect(problems(await checks(environment))).toContain(words);
});

it('says which permissions are missing', async () => {
  const { core, namespace } = test;
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'bare' } } });
  const spec = { audiences: [], expirationSeconds: 3600 };
  const made = await core.createNamespacedServiceAccountToken({ name: 'bare', namespace, body: { spec } });
  const found = problems(await checks({ K8S_SERVICE_ACCOUNT_TOKEN: made.status?.token ?? '' }));
  expect(found).toContain(`system:serviceaccount:${namespace}:bare`);
  expect(found).toContain('create pods');
  expect(found).toContain('get pods/portforward');
});

it('says when a quota leaves no room', async () => {
  const { core, namespace } = test;
  const body = { metadata: { name: 'tight' }, spec: { hard: { 'requests.memory': '100Mi' } } };
  await core.createNamespacedResourceQuota({ namespace, body });
  let found = '';
  // The quota holds once its controller has counted.
  while (found === '') found = problems(await checks());
  expect(found).toContain('tight');
  expect(found).toContain('ResourceQuota');
});
