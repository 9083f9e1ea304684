import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import * as z from 'zod';
import type { Cluster, NamespacedResource } from '../../../src/execution/remote/kubernetes/cluster.ts';
import { openPool, progress, spec } from './warm-pools.ts';

/**
 * A server that claims a warm workspace, or refills the pool, and is killed at one exact point: before or after one of its
 * writes. Its argument says which; it prints a line when it comes to its end alive.
 */
const Order = z.object({
  namespace: z.string(),
  /** Claims for that task; without one it refills. */
  taskId: z.string().optional(),
  size: z.int(),
  moment: z.enum(['before', 'after']),
  /** Of its writes, from 1; 0 for none. */
  write: z.int(),
});
const order = Order.parse(JSON.parse(process.argv[2] ?? ''));
let writes = 0;

async function counted<T>(write: () => Promise<T>): Promise<T> {
  writes += 1;
  const mine = writes === order.write;
  if (mine && order.moment === 'before') process.kill(process.pid, 'SIGKILL');
  const result = await write();
  if (mine) process.kill(process.pid, 'SIGKILL');
  return result;
}

function deadly<T extends KubernetesObject>(resource: NamespacedResource<T>): NamespacedResource<T> {
  return {
    get: (name, options) => resource.get(name, options),
    list: (query, options) => resource.list(query, options),
    create: (object, options) => counted(() => resource.create(object, options)),
    ensure: (object, options) => counted(() => resource.ensure(object, options)),
    patch: (name, patch, options) => counted(() => resource.patch(name, patch, options)),
    delete: (name, options) => counted(() => resource.delete(name, options)),
  };
}

function doomed(cluster: Cluster): Cluster {
  const { configMaps, secrets, services, pods, persistentVolumeClaims } = cluster.api;
  const api = {
    ...cluster.api,
    configMaps: deadly(configMaps),
    secrets: deadly(secrets),
    services: deadly(services),
    pods: deadly(pods),
    persistentVolumeClaims: deadly(persistentVolumeClaims),
  };
  // Its methods are bound to the object itself.
  return Object.assign(Object.create(cluster), { api });
}

const { pool } = await openPool(order.namespace, order.size, {}, doomed);
if (order.taskId === undefined) {
  pool.start();
  await delay(60_000);
} else {
  await pool.takeWarm(spec(order.taskId), progress());
  // The last write goes on after the claim.
  await pool.close();
}
process.stdout.write(`${writes}\n`);
process.exit();
