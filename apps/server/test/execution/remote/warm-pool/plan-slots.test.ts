import fc from 'fast-check';
import { expect, it } from 'vitest';
import { areSame, planSlots, type SlotFact } from '../../../../src/execution/remote/warm-pool/plan-slots.ts';
import type { SlotState, Slots } from '../../../../src/execution/remote/warm-pool/pool-list.ts';

const READY = { isReady: true, isUnfit: false };
const COMING = { isReady: false, isUnfit: false };
const UNFIT = { isReady: true, isUnfit: true };

/** The plan for slots of which this is known. */
function plan(slots: Record<string, [SlotState, SlotFact]>, wanted: number): Record<string, SlotState> {
  let made = 0;
  const before: Slots = new Map(Object.entries(slots).map(([name, [state]]) => [name, state]));
  const facts = (name: string): SlotFact => slots[name]?.[1] ?? 'missing';
  return Object.fromEntries(planSlots(before, facts, wanted, () => `new-${++made}`));
}

it('fills an empty pool, and drops what tasks have taken', () => {
  expect(plan({}, 2)).toEqual({ 'new-1': 'pending', 'new-2': 'pending' });
  expect(plan({ a: ['made', 'claimed'], b: ['pending', READY] }, 2)).toEqual({
    b: 'made',
    'new-1': 'pending',
  });
});

it('keeps a name whose workspace is still to be made, and drops one whose workspace went', () => {
  const slots = { a: ['pending', 'missing'], b: ['made', 'missing'], c: ['removing', 'missing'] } as const;
  expect(plan({ a: [...slots.a], b: [...slots.b], c: [...slots.c] }, 1)).toEqual({ a: 'pending' });
});

it('replaces what is unfit or going only once it is gone', () => {
  expect(plan({ a: ['made', UNFIT], b: ['made', 'going'] }, 2)).toEqual({ a: 'removing', b: 'removing' });
});

it('shrinks by those that are least ready', () => {
  const slots: Record<string, [SlotState, SlotFact]> = {
    ready: ['made', READY],
    coming: ['made', COMING],
    named: ['pending', 'missing'],
  };
  expect(plan(slots, 1)).toEqual({ ready: 'made', coming: 'removing', named: 'removing' });
  expect(plan(slots, 0)).toEqual({ ready: 'removing', coming: 'removing', named: 'removing' });
});

it('never adds beyond the wanted number, never drops what is unclaimed and there, and comes to rest', () => {
  const fact = fc.constantFrom<SlotFact>('missing', 'going', 'claimed', READY, COMING, UNFIT);
  const state = fc.constantFrom<SlotState>('pending', 'made', 'removing');
  const pool = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), fc.tuple(state, fact), { maxKeys: 12 });
  fc.assert(
    fc.property(pool, fc.nat(8), (slots, wanted) => {
      const before: Slots = new Map(Object.entries(slots).map(([name, [state]]) => [name, state]));
      const facts = (name: string): SlotFact => slots[name]?.[1] ?? 'missing';
      let made = 0;
      const newName = () => `new-${++made}`;
      const after = planSlots(before, facts, wanted, newName);
      const kept = [...after.keys()].filter((name) => before.has(name)).length;
      expect(after.size).toBe(Math.max(kept, wanted));
      for (const name of before.keys()) {
        const known = facts(name);
        if (typeof known === 'object' || known === 'going') expect(after.has(name)).toBe(true);
      }
      // One more look drops what was marked to go and never came.
      const next = planSlots(after, facts, wanted, newName);
      expect(areSame(planSlots(next, facts, wanted, newName), next)).toBe(true);
    }),
  );
});
