import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';
import type { StepProgress } from '../../interfaces/workspace-manager.ts';
import type { NamespacedResource } from '../kubernetes/cluster.ts';
import { LABEL } from './labels.ts';

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2000;

/**
 * Makes an object of a workspace unless it is there. One that an earlier workspace of the same name left behind makes way
 * first: the garbage collector would take it from its new owner.
 * @param object with the reference to its owner
 * @param isUsable refuses one that is there and must be replaced
 * @throws ShadowError ALREADY_EXISTS when something of the name is not Shadow's
 */
export async function ensureOwned<T extends KubernetesObject>(
  resource: NamespacedResource<T>,
  object: T,
  { signal, log }: StepProgress,
  isUsable: (found: T) => boolean = () => true,
): Promise<T> {
  const name = object.metadata?.name ?? '';
  const ownerUid = ownerOf(object);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)) {
    const { object: found } = await resource.ensure(object, { signal });
    const { uid, deletionTimestamp, labels } = found.metadata ?? {};
    const isGoing = deletionTimestamp !== undefined;
    if (!isGoing && ownerOf(found) === ownerUid && isUsable(found)) return found;
    if (labels?.[LABEL.managedBy] !== 'shadow') throw notOurs(object, name);
    if (pauseMs === FIRST_PAUSE_MS) log(`Waiting for the earlier ${object.kind} ${name} to go.`);
    if (!isGoing && uid !== undefined) await resource.delete(name, { uid, signal });
    await delay(pauseMs, undefined, { signal });
  }
}

function ownerOf({ metadata }: KubernetesObject): string | undefined {
  return metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

function notOurs({ kind }: KubernetesObject, name: string): ShadowError {
  const message = `There is a ${kind} ${name} in the namespace that Shadow did not make. Remove it or use another namespace.`;
  return new ShadowError('ALREADY_EXISTS', message);
}
