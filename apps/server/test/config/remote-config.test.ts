import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.ts';

function refused(environment: NodeJS.ProcessEnv): ConfigError {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('configuration of remote mode', () => {
  it('has a default for everything', () => {
    expect(loadConfig({}).remote).toEqual({
      cluster: {
        apiUrl: null,
        token: null,
        caFile: null,
        kubeconfig: { files: [join(homedir(), '.kube', 'config')], isExplicit: false, context: null },
        inCluster: null,
        namespace: 'shadow',
        instance: 'shadow',
        reach: 'auto',
      },
      workspaces: {
        instance: 'shadow',
        image: 'shadow-sidecar:latest',
        imagePullPolicy: 'IfNotPresent',
        imagePullSecret: null,
        port: 8080,
        healthPath: '/health',
        limits: { cpu: '1000m', memory: '2Gi' },
        requests: { cpu: '250m', memory: '512Mi' },
        storage: { kind: 'emptyDir', size: '10Gi', className: null },
        buildCacheClaim: null,
        runtimeClass: null,
        priorityClass: null,
        serviceAccount: 'default',
        egress: 'public',
        dnsServers: [],
      },
      clone: 'auto',
      startTimeoutMs: 300_000,
      unschedulableGraceMs: 30_000,
      warmPoolSize: 0,
    });
  });

  it('reads every variable of remote mode', () => {
    const { remote, secrets } = loadConfig({
      AGENT_MODE: 'remote',
      KUBERNETES_API_URL: 'https://10.0.0.1:6443',
      K8S_SERVICE_ACCOUNT_TOKEN: 'token-of-the-cluster',
      KUBERNETES_CA_FILE: '/etc/ca.pem',
      KUBECONFIG: '/one:/two',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '6443',
      KUBERNETES_NAMESPACE: 'agents',
      REMOTE_INSTANCE: 'blue',
      REMOTE_REACH: 'service',
      REMOTE_CLONE: 'bundle',
      REMOTE_EGRESS: 'none',
      REMOTE_DNS_SERVERS: '9.9.9.9, 2620:fe::fe',
      REMOTE_START_TIMEOUT_MS: '1000',
      REMOTE_UNSCHEDULABLE_GRACE_MS: '2000',
      REMOTE_WARM_POOL_SIZE: '3',
      WORKSPACE_CLEANUP_TTL_MS: '86400001',
      SIDECAR_IMAGE: 'registry.example.com:5000/shadow/sidecar@sha256:0123',
      SIDECAR_PORT: '9000',
      SIDECAR_HEALTH_PATH: '/probe',
      REMOTE_CPU_REQUEST: '0.1',
      REMOTE_CPU_LIMIT: '2',
      REMOTE_MEMORY_REQUEST: '64Mi',
      REMOTE_MEMORY_LIMIT: '1.5Gi',
      REMOTE_STORAGE: 'pvc',
      REMOTE_STORAGE_SIZE: '20G',
      REMOTE_STORAGE_CLASS: 'fast.ssd',
      REMOTE_BUILD_CACHE_CLAIM: 'cache',
      REMOTE_IMAGE_PULL_POLICY: 'Never',
      REMOTE_IMAGE_PULL_SECRET: 'registry',
      REMOTE_SERVICE_ACCOUNT: 'shadow-workspace',
      REMOTE_RUNTIME_CLASS: 'gvisor',
      REMOTE_PRIORITY_CLASS: 'agents',
    });
    expect(remote).toEqual({
      cluster: {
        apiUrl: 'https://10.0.0.1:6443',
        token: 'token-of-the-cluster',
        caFile: '/etc/ca.pem',
        kubeconfig: { files: ['/one', '/two'], isExplicit: true, context: null },
        inCluster: { host: '10.96.0.1', port: 6443 },
        namespace: 'agents',
        instance: 'blue',
        reach: 'service',
      },
      workspaces: {
        instance: 'blue',
        image: 'registry.example.com:5000/shadow/sidecar@sha256:0123',
        imagePullPolicy: 'Never',
        imagePullSecret: 'registry',
        port: 9000,
        healthPath: '/probe',
        limits: { cpu: '2', memory: '1.5Gi' },
        requests: { cpu: '0.1', memory: '64Mi' },
        storage: { kind: 'pvc', size: '20G', className: 'fast.ssd' },
        buildCacheClaim: 'cache',
        runtimeClass: 'gvisor',
        priorityClass: 'agents',
        serviceAccount: 'shadow-workspace',
        egress: 'none',
        dnsServers: ['9.9.9.9', '2620:fe::fe'],
      },
      clone: 'bundle',
      startTimeoutMs: 1000,
      unschedulableGraceMs: 2000,
      warmPoolSize: 3,
    });
    expect(secrets).toContain('token-of-the-cluster');
  });

  it.each([
    ['KUBERNETES_API_URL', 'http://10.0.0.1:8080'],
    ['KUBERNETES_CA_FILE', 'ca.pem'],
    ['KUBERNETES_NAMESPACE', 'Shadow'],
    ['KUBERNETES_NAMESPACE', 'a'.repeat(64)],
    ['REMOTE_INSTANCE', '-x'],
    ['REMOTE_CPU_LIMIT', '0'],
    ['REMOTE_CPU_LIMIT', '1Gi'],
    ['REMOTE_MEMORY_LIMIT', '2 Gi'],
    ['REMOTE_MEMORY_LIMIT', '2GB'],
    ['REMOTE_MEMORY_LIMIT', '0Mi'],
    ['REMOTE_STORAGE', 'nfs'],
    ['REMOTE_STORAGE_CLASS', 'Fast_SSD'],
    ['REMOTE_WARM_POOL_SIZE', '-1'],
    ['SIDECAR_PORT', '80'],
    ['SIDECAR_HEALTH_PATH', '/health/'],
    ['SIDECAR_IMAGE', 'a b'],
  ])('refuses %s=%s', (name, value) => {
    const error = refused({ [name]: value });
    expect(error.variables).toEqual([name]);
    expect(error.message).toContain('allowed:');
  });

  it('does not repeat a token that is not valid', () => {
    const error = refused({ K8S_SERVICE_ACCOUNT_TOKEN: 'two\nlines-of-it' });
    expect(error.message).toContain('K8S_SERVICE_ACCOUNT_TOKEN');
    expect(error.message).not.toContain('lines-of-it');
  });

  it.each<[string, NodeJS.ProcessEnv]>([
    ['K8S_SERVICE_ACCOUNT_TOKEN', { KUBERNETES_API_URL: 'https://k8s:6443' }],
    ['KUBERNETES_CA_FILE', { KUBERNETES_CA_FILE: '/ca.pem' }],
    [
      'KUBERNETES_CONTEXT',
      { KUBERNETES_API_URL: 'https://k8s', K8S_SERVICE_ACCOUNT_TOKEN: 't', KUBERNETES_CONTEXT: 'dev' },
    ],
    ['REMOTE_STORAGE_CLASS', { REMOTE_STORAGE_CLASS: 'fast' }],
  ])('says that %s does not go with the others, in remote mode only', (variable, environment) => {
    expect(refused({ ...environment, AGENT_MODE: 'remote' }).variables).toEqual([variable]);
    expect(() => loadConfig(environment)).not.toThrow();
  });
});
