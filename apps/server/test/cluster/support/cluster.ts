import { randomBytes } from 'node:crypto';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { loadConfig } from '../../../src/config.ts';

/** A namespace of one test in the cluster that KUBECONFIG names; it and all in it go with the disposal. */
export interface ClusterTest extends AsyncDisposable {
  readonly namespace: string;
  /** The kubeconfig itself, as its own identity: to look from outside at what the server does. */
  readonly kubeconfig: KubeConfig;
  readonly core: CoreV1Api;
}

/** Image of the sidecar in the test cluster; it has Node, so that it can play any server. */
export const IMAGE = 'shadow-sidecar:latest';

/** Address of this machine that pods of the test cluster reach. */
export const NODE = '198.18.0.1';

/**
 * Makes a namespace for a test.
 * @throws Error when KUBECONFIG is not set
 */
export async function openCluster(): Promise<ClusterTest> {
  const { kubeconfig: files } = loadConfig().remote.cluster;
  const [file] = files.files;
  if (!files.isExplicit || file === undefined) throw new Error('needs a Kubernetes: set KUBECONFIG');
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromFile(file);
  const core = kubeconfig.makeApiClient(CoreV1Api);
  const namespace = `shadow-test-${randomBytes(5).toString('hex')}`;
  await core.createNamespace({ body: { metadata: { name: namespace } } });
  return {
    namespace,
    kubeconfig,
    core,
    async [Symbol.asyncDispose]() {
      await core.deleteNamespace({ name: namespace, gracePeriodSeconds: 0 });
    },
  };
}
