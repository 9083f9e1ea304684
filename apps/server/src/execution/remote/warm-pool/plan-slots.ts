import type { SlotState, Slots } from './pool-list.ts';

/** What there is of a slot. `going`: its deletion has begun. */
export type SlotFact =
  | 'missing'
  | 'going'
  | 'claimed'
  | {
      isReady: boolean;
      /** It must not be given to a task: of an older template, or broken. */
      isUnfit: boolean;
    };

/**
 * What the list should be. Slots of claimed workspaces and of those that are gone are dropped, unfit ones and those beyond the
 * wanted number are marked to go, and new ones are added; one that goes counts until it is gone.
 *
 * @param facts what there is of each slot; older knowledge may only take a claimed one for an unclaimed one
 * @param newName makes a name that was never used
 */
export function planSlots(
  slots: Slots,
  facts: (name: string) => SlotFact,
  wanted: number,
  newName: () => string,
): Slots {
  const planned = new Map<string, SlotState>();
  for (const [name, state] of slots) {
    const next = nextState(state, facts(name));
    if (next !== undefined) planned.set(name, next);
  }
  const kept = [...planned].filter(([, state]) => state !== 'removing').map(([name]) => name);
  const readiness = (name: string) => {
    const fact = facts(name);
    return typeof fact === 'object' ? 1 + Number(fact.isReady) : 0;
  };
  const leastReadyFirst = kept.toSorted((a, b) => readiness(a) - readiness(b));
  for (const name of leastReadyFirst.slice(0, Math.max(0, kept.length - wanted)))
    planned.set(name, 'removing');
  while (planned.size < wanted) planned.set(newName(), 'pending');
  return planned;
}

/** @returns undefined for a slot that is over */
function nextState(state: SlotState, fact: SlotFact): SlotState | undefined {
  if (fact === 'claimed') return undefined;
  if (fact === 'missing') return state === 'pending' ? 'pending' : undefined;
  if (fact === 'going' || state === 'removing' || fact.isUnfit) return 'removing';
  return 'made';
}

/** Whether two lists are the same. */
export function areSame(one: Slots, other: Slots): boolean {
  return one.size === other.size && [...one].every(([name, state]) => other.get(name) === state);
}
