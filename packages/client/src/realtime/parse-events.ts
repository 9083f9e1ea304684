import { TaskEvent } from '@shadow/protocol';
import * as z from 'zod';
import type { KnownEventPage } from '../api/types.ts';

const Numbered = z.object({ seq: z.int().min(1) });
const RawPage = z.object({ events: z.array(z.unknown()), hasMore: z.boolean() });

/** An event with its number; `event` is null for a type that this client does not know. */
export interface ReadEvent {
  seq: number;
  event: TaskEvent | null;
}

/** Reads events as they come over a wire. Those of newer servers keep their number; what has none is dropped. */
export function parseEvents(raw: readonly unknown[]): ReadEvent[] {
  return raw.flatMap((item): ReadEvent[] => {
    const known = TaskEvent.safeParse(item);
    if (known.success) return [{ seq: known.data.seq, event: known.data }];
    const numbered = Numbered.safeParse(item);
    return numbered.success ? [{ seq: numbered.data.seq, event: null }] : [];
  });
}

/** Reads a page of the event log; undefined when it is no such page. */
export function parseEventPage(json: unknown): KnownEventPage | undefined {
  const page = RawPage.safeParse(json);
  if (!page.success) return undefined;
  const read = parseEvents(page.data.events);
  return {
    events: read.flatMap(({ event }) => (event === null ? [] : [event])),
    hasMore: page.data.hasMore,
    lastSeq: read.at(-1)?.seq ?? null,
  };
}
