import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { KubeConfig, loadYaml, type User } from '@kubernetes/client-node';
import * as z from 'zod';
import type { ClusterConfig } from '../../../config/remote-config.ts';
import { ClusterAccess, identityOf } from './cluster-access.ts';
import { KubernetesError } from './kubernetes-error.ts';

/** Where the kubelet puts what a pod needs to speak with the API server. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Finds the cluster and the identity to use there, in this order: KUBERNETES_API_URL; KUBECONFIG; the cluster that this
 * process runs in; ~/.kube/config. A token in K8S_SERVICE_ACCOUNT_TOKEN takes the place of the identity found with it.
 *
 * @param files where a pod's ServiceAccount is mounted
 * @throws KubernetesError NotConfigured that says what is wrong where, and what to do
 */
export async function findCluster(config: ClusterConfig, files = SERVICE_ACCOUNT): Promise<ClusterAccess> {
  const { apiUrl, inCluster, kubeconfig } = config;
  if (apiUrl !== null) return fromUrl(config, apiUrl);
  if (kubeconfig.isExplicit) return await fromKubeconfig(config);
  if (inCluster !== null && (config.token !== null || (await isReadable(`${files}/token`)))) {
    return fromInside(config, inCluster, files);
  }
  if (await isReadable(kubeconfig.files[0] ?? '')) return await fromKubeconfig(config);
  throw misconfigured(
    'No Kubernetes cluster is configured. Set KUBECONFIG to a kubeconfig file, or KUBERNETES_API_URL and K8S_SERVICE_ACCOUNT_TOKEN, or run Shadow in the cluster with a ServiceAccount.',
  );
}

function fromUrl({ token, caFile }: ClusterConfig, apiUrl: string): ClusterAccess {
  const config = new KubeConfig();
  const server = apiUrl.replace(/\/+$/, '');
  const user = tokenUser(token ?? '');
  config.loadFromClusterAndUser(
    { name: 'cluster', server, skipTLSVerify: false, ...(caFile === null ? {} : { caFile }) },
    user,
  );
  return new ClusterAccess({
    config,
    tokenFile: undefined,
    identity: identityOf(user, 'the token in K8S_SERVICE_ACCOUNT_TOKEN'),
    isInside: false,
  });
}

function fromInside(
  { token }: ClusterConfig,
  { host, port }: { host: string; port: number },
  files: string,
): ClusterAccess {
  const config = new KubeConfig();
  const user: User = token === null ? { name: 'pod' } : tokenUser(token);
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  config.loadFromClusterAndUser(
    { name: 'cluster', server, caFile: `${files}/ca.crt`, skipTLSVerify: false },
    user,
  );
  const source = token === null ? 'the ServiceAccount of this pod' : 'the token in K8S_SERVICE_ACCOUNT_TOKEN';
  return new ClusterAccess({
    config,
    tokenFile: token === null ? `${files}/token` : undefined,
    identity: identityOf(user, source),
    isInside: true,
  });
}

async function fromKubeconfig({ kubeconfig, token }: ClusterConfig): Promise<ClusterAccess> {
  const { config, tokenFiles } = await readKubeconfigs(kubeconfig.files);
  if (kubeconfig.context !== null) config.setCurrentContext(kubeconfig.context);
  const named = kubeconfig.files.join(', ');
  const context = config.getContextObject(config.getCurrentContext());
  if (context === null) throw misconfigured(noContext(config, named));
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  if (cluster === null) {
    throw misconfigured(
      `Context "${context.name}" of ${named} names the cluster "${context.cluster}", which is not in it.`,
    );
  }
  if (cluster.skipTLSVerify || !cluster.server.startsWith('https://')) {
    throw misconfigured(
      `Cluster "${cluster.name}" of ${named} is to be used without verified TLS (${cluster.skipTLSVerify ? 'insecure-skip-tls-verify' : cluster.server}), which Shadow does not do: whoever stands between could take over every task. Give it an https address and, as certificate-authority, the cluster's own authority.`,
    );
  }
  if (token !== null) config.loadFromClusterAndUser(cluster, tokenUser(token));
  const source = `user "${user?.name ?? context.user}" of context "${context.name}" in ${named}`;
  return new ClusterAccess({
    config,
    tokenFile: token === null ? tokenFiles.get(context.user) : undefined,
    identity:
      token === null
        ? identityOf(user, source)
        : identityOf(tokenUser(token), 'the token in K8S_SERVICE_ACCOUNT_TOKEN'),
    isInside: false,
  });
}

/** The part of a kubeconfig that the client library does not read. */
const TokenFiles = z.object({
  users: z
    .array(z.object({ name: z.string(), user: z.object({ tokenFile: z.string().optional() }).nullish() }))
    .nullish(),
});

/** Several files as one, as kubectl merges them: a name that is there twice is what the first file says. */
async function readKubeconfigs(
  files: readonly string[],
): Promise<{ config: KubeConfig; tokenFiles: Map<string, string> }> {
  const config = new KubeConfig();
  const tokenFiles = new Map<string, string>();
  for (const file of files) {
    const text = await readKubeconfig(file);
    const read = new KubeConfig();
    try {
      read.loadFromFile(file);
      for (const { name, user } of TokenFiles.parse(loadYaml(text)).users ?? []) {
        if (user?.tokenFile !== undefined && !tokenFiles.has(name)) tokenFiles.set(name, user.tokenFile);
      }
    } catch (cause) {
      throw misconfigured(`${file} is not a kubeconfig file that can be used.`, cause);
    }
    merge(config, read);
  }
  return { config, tokenFiles };
}

function merge(config: KubeConfig, read: KubeConfig): void {
  const isNew = (known: readonly { name: string }[]) => (one: { name: string }) =>
    !known.some(({ name }) => name === one.name);
  config.loadFromOptions({
    clusters: [...config.clusters, ...read.clusters.filter(isNew(config.clusters))],
    users: [...config.users, ...read.users.filter(isNew(config.users))],
    contexts: [...config.contexts, ...read.contexts.filter(isNew(config.contexts))],
    currentContext: config.currentContext || read.currentContext,
  });
}

async function readKubeconfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw misconfigured(`The kubeconfig file ${file} cannot be read; set KUBECONFIG to one that can.`, cause);
  }
}

function noContext(config: KubeConfig, named: string): string {
  const known = config.contexts.map(({ name }) => name).join(', ') || 'none';
  const wanted = config.currentContext;
  return wanted
    ? `${named} has no context "${wanted}"; set KUBERNETES_CONTEXT to one of: ${known}.`
    : `${named} has no current context; set KUBERNETES_CONTEXT to one of: ${known}.`;
}

function tokenUser(token: string): User {
  return { name: 'token', token };
}

function misconfigured(message: string, cause?: unknown): KubernetesError {
  return new KubernetesError('NotConfigured', 0, message, cause === undefined ? {} : { cause });
}

async function isReadable(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
