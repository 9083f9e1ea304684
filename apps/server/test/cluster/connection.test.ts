import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { findCluster } from '../../src/execution/remote/kubernetes/find-cluster.ts';
import { KubernetesError } from '../../src/execution/remote/kubernetes/kubernetes-error.ts';
import { requiredRules } from '../../src/execution/remote/kubernetes/required-rules.ts';
import { ApiTransport } from '../../src/execution/remote/kubernetes/transport.ts';
import { temporaryDirectory } from '../support/git-repository.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { configMap, nodePod, openConnection, PATIENCE_MS, readyPod } from './support/connection.ts';

const resources = new AsyncDisposableStack();
let test: ClusterTest;
let directory: string;
let server: string;
let caFile: string;

beforeAll(async () => {
  test = resources.use(await openCluster());
  directory = resources.use(await temporaryDirectory()).path;
  const cluster = test.kubeconfig.getCurrentCluster();
  server = cluster?.server ?? '';
  caFile = join(directory, 'ca.pem');
  await writeFile(caFile, Buffer.from(cluster?.caData ?? '', 'base64'));
});
afterAll(() => resources.disposeAsync());

/** A ServiceAccount with a token, that may do what is given. */
async function serviceAccount(name: string, isAllowed: boolean): Promise<string> {
  const { namespace, core, kubeconfig } = test;
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
  if (isAllowed) {
    const rbac = kubeconfig.makeApiClient(RbacAuthorizationV1Api);
    const rules = requiredRules.map(({ apiGroups, resources: kinds, verbs }) => ({
      apiGroups: [...apiGroups],
      resources: [...kinds],
      verbs: [...verbs],
    }));
    await rbac.createNamespacedRole({ namespace, body: { metadata: { name }, rules } });
    await rbac.createNamespacedRoleBinding({
      namespace,
      body: {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    });
  }
  const { status } = await core.createNamespacedServiceAccountToken({
    name,
    namespace,
    body: { spec: { audiences: [], expirationSeconds: 3600 } },
  });
  return status?.token ?? '';
}

async function failureOf(work: Promise<unknown>): Promise<KubernetesError> {
  const error = await work.catch((reason: unknown) => reason);
  if (error instanceof KubernetesError) return error;
  throw new Error('it did not fail as expected', { cause: error });
}

describe('finding the cluster', () => {
  it('takes the kubeconfig, and says who it is there', async () => {
    await using connection = await openConnection(test);
    expect(connection.cluster).toMatchObject({ server, version: expect.stringMatching(/^v1\./) });
    expect(connection.cluster.identity).toContain(process.env.KUBECONFIG);
  });

  it('works with a token that may do exactly what the required rules say', async () => {
    const token = await serviceAccount('allowed', true);
    const environment = {
      KUBECONFIG: '',
      KUBERNETES_API_URL: server,
      KUBERNETES_CA_FILE: caFile,
      K8S_SERVICE_ACCOUNT_TOKEN: token,
    };
    await using connection = await openConnection(test, { ...environment, REMOTE_REACH: 'port-forward' });
    const { cluster } = connection;
    expect(cluster.identity).toContain(`system:serviceaccount:${test.namespace}:allowed`);
    const { api } = cluster;
    await api.configMaps.ensure(configMap('anchor'));
    await api.configMaps.patch('anchor', { metadata: { labels: { 'shadow.dev/state': 'warm' } } });
    await api.secrets.ensure({ metadata: { name: 'anchor' }, stringData: { token: 'one' } });
    await api.secrets.patch('anchor', { stringData: { token: 'two' } });
    await api.services.ensure({ metadata: { name: 'anchor' }, spec: { ports: [{ port: 8080 }] } });
    const claim = { metadata: { name: 'anchor' }, spec: claimSpec() };
    await api.persistentVolumeClaims.ensure(claim);
    await api.pods.ensure(nodePod('anchor', 'require("node:http").createServer().listen(8080)'));
    const pod = await readyPod(cluster, 'anchor');
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for await (const event of cluster.podEvents(pod.metadata?.uid ?? '', { signal })) {
      if (event.reason === 'Started') break;
    }
    expect(await api.resourceQuotas()).toEqual([]);
    for (const kind of ['configMaps', 'secrets', 'services', 'persistentVolumeClaims'] as const) {
      expect(await api[kind].delete('anchor')).toBe(true);
    }
    expect(await api.pods.delete('anchor', { graceSeconds: 0 })).toBe(true);
  });

  it('says who lacks what where, and repeats no token', async () => {
    const token = await serviceAccount('refused', false);
    const error = await failureOf(openConnection(test, { K8S_SERVICE_ACCOUNT_TOKEN: token }));
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'Forbidden', apiStatus: 403 });
    expect(error.message).toContain('cannot list resource');
    expect(error.message).toContain(`system:serviceaccount:${test.namespace}:refused`);
    expect(error.message).toContain(server);
    expect(JSON.stringify([error.toOperationError(), String(error.cause)])).not.toContain(token);
  });

  it('says that a token is not accepted', async () => {
    const error = await failureOf(openConnection(test, { K8S_SERVICE_ACCOUNT_TOKEN: 'not-a-token' }));
    expect(error.reason).toBe('Unauthorized');
    expect(error.message).toContain('does not accept the credentials');
    expect(error.message).not.toContain('not-a-token');
  });

  it('trusts no certificate but those of the given authority', async () => {
    const environment = { KUBECONFIG: '', KUBERNETES_API_URL: server, K8S_SERVICE_ACCOUNT_TOKEN: 'x' };
    const error = await failureOf(openConnection(test, environment));
    expect(error).toMatchObject({ reason: 'Untrusted', code: 'UNAVAILABLE' });
    expect(error.message).toContain('KUBERNETES_CA_FILE');
  });

  it('says that nothing answers', async () => {
    const environment = {
      KUBECONFIG: '',
      KUBERNETES_API_URL: 'https://127.0.0.1:9',
      K8S_SERVICE_ACCOUNT_TOKEN: 'x',
    };
    const error = await failureOf(openConnection(test, environment));
    expect(error).toMatchObject({ reason: 'Unreachable', code: 'UNAVAILABLE', retryable: true });
    expect(error.message).toContain('https://127.0.0.1:9');
  });

  it('speaks as its pod inside the cluster, with the token that is in the file now', async () => {
    const { hostname, port } = new URL(server);
    const files = join(directory, 'serviceaccount');
    await mkdir(files);
    await writeFile(
      join(files, 'ca.crt'),
      Buffer.from(test.kubeconfig.getCurrentCluster()?.caData ?? '', 'base64'),
    );
    await writeFile(join(files, 'token'), 'expired');
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const access = await findCluster(loadConfig(environment).remote.cluster, files);
    expect(access).toMatchObject({ isInside: true, server: `https://${hostname}:${port}` });
    const transport = new ApiTransport(access, { retryDelaysMs: [] });
    const asked = () =>
      transport.call({
        method: 'GET',
        path: `/api/v1/namespaces/${test.namespace}/configmaps`,
        verb: 'list',
        resource: 'configmaps',
        isRepeatable: true,
      });
    expect((await failureOf(asked())).reason).toBe('Unauthorized');
    await writeFile(
      join(files, 'token'),
      `${await serviceAccount(`sa-${randomBytes(3).toString('hex')}`, true)}\n`,
    );
    expect(await asked()).toMatchObject({ kind: 'ConfigMapList' });
    transport.close();
  });
});

function claimSpec() {
  return { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
}
