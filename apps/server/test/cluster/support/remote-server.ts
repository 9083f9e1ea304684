import { join } from 'node:path';
import { type RunningServer, startServer } from '../../support/running-server.ts';

/** Settings of a server whose tasks run in pods of a namespace, small enough for twenty of them on two cores. */
export function remoteEnvironment(namespace: string): Record<string, string> {
  const { KUBECONFIG = '' } = process.env;
  return {
    AGENT_MODE: 'remote',
    KUBECONFIG,
    KUBERNETES_NAMESPACE: namespace,
    SIDECAR_IMAGE: 'shadow-sidecar:latest',
    // This machine is the cluster's node: it reaches Services as a server inside would.
    REMOTE_REACH: 'service',
    REMOTE_CPU_REQUEST: '20m',
    REMOTE_MEMORY_REQUEST: '64Mi',
    REMOTE_CPU_LIMIT: '1000m',
    REMOTE_MEMORY_LIMIT: '512Mi',
    REMOTE_STORAGE_SIZE: '1Gi',
  };
}

/** Starts a server in remote mode, with a home of its own in the directory. */
export function startRemoteServer(
  directory: string,
  namespace: string,
  environment: Record<string, string> = {},
): Promise<RunningServer> {
  return startServer(join(directory, 'home'), { ...remoteEnvironment(namespace), ...environment });
}
