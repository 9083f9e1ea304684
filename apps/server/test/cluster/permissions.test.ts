import { RbacAuthorizationV1Api } from '@kubernetes/client-node';
import type { OperationError } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { examineCluster } from '../../src/execution/remote/doctor/examine-cluster.ts';
import { requiredRules } from '../../src/execution/remote/kubernetes/required-rules.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { keptProgress, openManager, runSteps, specOf } from './support/remote-manager.ts';
import { remoteEnvironment } from './support/remote-server.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
});
afterAll(() => resources.disposeAsync());

/** Milliseconds within which a refusal must be told; a start may take several times as long. */
const SOON_MS = 60_000;

/** A token of a ServiceAccount whose Role is the server's own but for some verbs of one resource. */
async function tokenWithout(name: string, resource: string, verbs: readonly string[]): Promise<string> {
  const { namespace, core, kubeconfig } = cluster;
  const rules = requiredRules.flatMap((rule) =>
    rule.resources.map((one) => ({
      apiGroups: [...rule.apiGroups],
      resources: [one],
      verbs: rule.verbs.filter((verb) => one !== resource || !verbs.includes(verb)),
    })),
  );
  const rbac = kubeconfig.makeApiClient(RbacAuthorizationV1Api);
  const metadata = { name };
  await core.createNamespacedServiceAccount({ namespace, body: { metadata } });
  const granted = rules.filter((rule) => rule.verbs.length > 0);
  await rbac.createNamespacedRole({ namespace, body: { metadata, rules: granted } });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  await rbac.createNamespacedRoleBinding({ namespace, body: { metadata, roleRef, subjects } });
  const spec = { audiences: [], expirationSeconds: 3600 };
  const made = await core.createNamespacedServiceAccountToken({ name, namespace, body: { spec } });
  return made.status?.token ?? '';
}

/** How a workspace fails to start. */
async function failureOf(taskId: string, environment: Record<string, string>): Promise<OperationError> {
  await using under = await openManager(cluster, { environment });
  const progress = keptProgress(AbortSignal.timeout(SOON_MS));
  try {
    await runSteps(under, specOf(taskId), progress, ['CREATE_POD', 'WAIT_SIDECAR_READY']);
  } catch (thrown) {
    const { error } = thrown as { error?: OperationError };
    if (error === undefined) throw thrown;
    return error;
  }
  throw new Error(`the start succeeded: ${progress.lines.join('\n')}`);
}

async function doctorOn(environment: Record<string, string>): Promise<string> {
  const { remote } = loadConfig({ ...remoteEnvironment(cluster.namespace), ...environment });
  const found: string[] = [];
  for await (const { level, text, mend } of examineCluster(remote)) {
    if (level === 'missing') found.push(`${text} ${mend}`);
  }
  return found.join('\n');
}

describe('a Role that lacks one permission', () => {
  it.each<[name: string, resource: string, verbs: string[]]>([
    ['no-secrets', 'secrets', ['create']],
    ['no-pods', 'pods', ['create']],
    ['no-anchors', 'configmaps', ['create']],
    ['no-reach', 'pods/portforward', ['get', 'create']],
    ['no-claims', 'persistentvolumeclaims', ['create']],
  ])(
    '%s: the task fails soon and says what to add, and so does the doctor',
    async (name, resource, verbs) => {
      const environment = {
        K8S_SERVICE_ACCOUNT_TOKEN: await tokenWithout(name, resource, verbs),
        REMOTE_REACH: 'port-forward',
        ...(resource === 'persistentvolumeclaims'
          ? { REMOTE_STORAGE: 'pvc', REMOTE_STORAGE_CLASS: 'any' }
          : {}),
      };
      const [verb = ''] = verbs;
      const { code, message } = await failureOf(name, environment);
      expect(message).toContain(`add the verb "${verb}" for "${resource}" to its Role`);
      expect(message).toContain(`system:serviceaccount:${cluster.namespace}:${name}`);
      expect(code).toBe('PERMISSION_DENIED');
      const found = await doctorOn(environment);
      for (const one of verbs) expect(found).toContain(`${one} ${resource}`);
      expect(found).toContain('k8s/base/rbac.yaml');
    },
  );
});
