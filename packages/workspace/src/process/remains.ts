import type { Child } from './child.ts';
import { groupGone, isGroupAlive, killGroup, signalGroup } from './group.ts';
import { within } from './within.ts';

/** What a leader leaves behind may finish by itself (`> >(tee log)`) before it is ended. */
const LINGER_MS = 250;

/** Ends what a child that has ended left behind in its group or session. @param isPty it ran on a terminal */
export async function endRemains(child: Child, isPty: boolean): Promise<void> {
  // The usual case costs one system call: no group, and nobody holds the output open.
  if (!signalGroup(child.pid, 0) && !isPty && (await within(child.drained, LINGER_MS))) return;
  if (!isGroupAlive(child.pid) || (await groupGone(child.pid, LINGER_MS))) return;
  await killGroup(child.pid);
}
