import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';

const SERVICE = { name: 'kubernetes', namespace: 'default' };

/**
 * Makes the API server reachable from pods, as every installed cluster does. The one for tests listens on loopback alone
 * and has nothing behind its Service: connections then go through this process, unread, for as long as the test runs.
 */
export async function routeToApiServer(kubeconfig: KubeConfig): Promise<AsyncDisposable> {
  const core = kubeconfig.makeApiClient(CoreV1Api);
  const endpoints = await core.listNamespacedEndpoints({ namespace: SERVICE.namespace });
  const known = endpoints.items.find(({ metadata }) => metadata?.name === SERVICE.name);
  if (known?.subsets?.some(({ addresses }) => (addresses ?? []).length > 0)) {
    return { [Symbol.asyncDispose]: async () => undefined };
  }
  const server = new URL(kubeconfig.getCurrentCluster()?.server ?? '');
  const ip = await nodeAddress(core);
  const forwarder = await forward(ip, { host: server.hostname, port: Number(server.port || 443) });
  const subsets = [
    { addresses: [{ ip }], ports: [{ name: 'https', port: forwarder.port, protocol: 'TCP' }] },
  ];
  await core.createNamespacedEndpoints({
    namespace: SERVICE.namespace,
    body: { metadata: { name: SERVICE.name }, subsets },
  });
  return {
    async [Symbol.asyncDispose]() {
      await core.deleteNamespacedEndpoints(SERVICE);
      await forwarder.close();
    },
  };
}

/** The address of the node that this machine is. */
async function nodeAddress(core: CoreV1Api): Promise<string> {
  const { items } = await core.listNode();
  const addresses = items[0]?.status?.addresses ?? [];
  const found = addresses.find(({ type }) => type === 'InternalIP');
  if (found === undefined) throw new Error('the node has no address');
  return found.address;
}

async function forward(host: string, target: { host: string; port: number }) {
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(target);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(from);
      // A side that breaks takes the other one along.
      from.on('error', () => to.destroy()).on('close', () => open.delete(from) && to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    // A server that listens on a port has such an address.
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
