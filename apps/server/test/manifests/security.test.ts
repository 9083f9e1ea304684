import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { settings } from '../../src/config/settings.ts';
import { loadConfig } from '../../src/config.ts';
import { requiredRules } from '../../src/execution/remote/kubernetes/required-rules.ts';
import { kustomize, type Manifest, missingKustomize, only } from './support/kustomize.ts';

const missing = missingKustomize();

const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

const CLUSTER_WIDE = ['Namespace', 'PriorityClass', 'StorageClass'];

const Data = z.record(z.string(), z.string());
const Template = z.object({
  template: z.object({ spec: z.looseObject({ containers: z.array(z.unknown()) }) }),
});

describe.skipIf(missing !== undefined).each(['overlays/local', 'overlays/production'])('%s', (overlay) => {
  let manifests: Manifest[];

  beforeAll(async () => {
    manifests = await kustomize(overlay);
  });

  it('puts everything into one namespace that admits restricted pods alone', () => {
    const namespaced = manifests.filter(({ kind }) => !CLUSTER_WIDE.includes(kind));
    expect(new Set(namespaced.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['shadow']));
    const { labels } = only(manifests, 'Namespace', 'shadow').metadata;
    for (const mode of ['enforce', 'audit', 'warn']) {
      expect(labels).toMatchObject({ [`pod-security.kubernetes.io/${mode}`]: 'restricted' });
    }
  });

  it('runs the server as such a pod', () => {
    const { spec } = Template.parse(only(manifests, 'Deployment', 'shadow-server').spec).template;
    expect(spec).toMatchObject({
      enableServiceLinks: false,
      serviceAccountName: 'shadow-server',
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(spec).not.toHaveProperty('hostNetwork');
    expect(spec.containers).toMatchObject([
      {
        securityContext: RESTRICTED_CONTAINER,
        resources: { limits: { 'ephemeral-storage': expect.any(String), memory: expect.any(String) } },
      },
    ]);
  });

  it('mounts no token where nobody asks for it', () => {
    for (const name of ['shadow-server', 'shadow-workspace']) {
      expect(only(manifests, 'ServiceAccount', name)).toMatchObject({ automountServiceAccountToken: false });
    }
  });

  it('gives the server the rights that it needs and no others, inside of its namespace', () => {
    expect(manifests.map(({ kind }) => kind)).not.toContain('ClusterRole');
    expect(manifests.map(({ kind }) => kind)).not.toContain('ClusterRoleBinding');
    expect(only(manifests, 'Role', 'shadow-server').rules).toEqual(requiredRules);
    expect(only(manifests, 'RoleBinding', 'shadow-server')).toMatchObject({
      roleRef: { kind: 'Role', name: 'shadow-server' },
      subjects: [{ kind: 'ServiceAccount', name: 'shadow-server', namespace: 'shadow' }],
    });
  });

  it('bounds what the namespace and each container may take', () => {
    expect(only(manifests, 'ResourceQuota', 'shadow').spec).toMatchObject({
      hard: { 'services.loadbalancers': '0', 'services.nodeports': '0', pods: expect.any(String) },
    });
    expect(only(manifests, 'LimitRange', 'shadow').spec).toMatchObject({
      limits: [{ type: 'Container' }, { type: 'PersistentVolumeClaim' }],
    });
  });

  it('configures the server with settings that there are, and that go together', () => {
    const [config, ...others] = manifests.filter(({ kind }) => kind === 'ConfigMap');
    expect(others).toEqual([]);
    const data = Data.parse(config?.data);
    const names = Object.values(settings).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(data)));
    const { workspaces } = loadConfig(data).remote;
    expect(only(manifests, 'ServiceAccount', workspaces.serviceAccount)).toBeDefined();
    expect(only(manifests, 'PriorityClass', workspaces.priorityClass ?? '')).toBeDefined();
  });
});

describe.skipIf(missing !== undefined)('the local overlay', () => {
  it('needs nothing that an old or a small cluster lacks', async () => {
    const versions = new Set((await kustomize('overlays/local')).map(({ apiVersion }) => apiVersion));
    expect([...versions].sort()).toEqual([
      'apps/v1',
      'networking.k8s.io/v1',
      'rbac.authorization.k8s.io/v1',
      'scheduling.k8s.io/v1',
      'v1',
    ]);
  });
});

describe.skipIf(missing !== undefined)('the production overlay', () => {
  it('protects tasks and server from drains, and is measured', async () => {
    const manifests = await kustomize('overlays/production');
    expect(only(manifests, 'PodDisruptionBudget', 'shadow-workspaces').spec).toMatchObject({
      selector: {
        matchLabels: { 'app.kubernetes.io/name': 'shadow-workspace', 'shadow.dev/state': 'claimed' },
      },
    });
    expect(only(manifests, 'PodDisruptionBudget', 'shadow-server')).toBeDefined();
    expect(only(manifests, 'ServiceMonitor', 'shadow-server')).toBeDefined();
    expect(only(manifests, 'PodMonitor', 'shadow-workspaces')).toBeDefined();
    expect(only(manifests, 'Ingress', 'shadow-server')).toBeDefined();
  });
});
