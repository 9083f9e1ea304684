import type { TaskEvent, TaskEventBody } from '@shadow/protocol';

export const AT = '2026-01-01T00:00:00.000Z';

export const USAGE = { inputTokens: 10, outputTokens: 5, cachedTokens: 2, reasoningTokens: 1, costUsd: 0.25 };

/** Numbers bodies from 1 as a log would. */
export function numbered(bodies: readonly TaskEventBody[], from = 1): TaskEvent[] {
  return bodies.map((body, index) => ({ ...body, seq: from + index, at: AT }));
}

export function notices(from: number, to: number): TaskEvent[] {
  const bodies = Array.from({ length: to - from + 1 }, (_, index): TaskEventBody => {
    return { type: 'notice', level: 'info', message: `event ${from + index}` };
  });
  return numbered(bodies, from);
}
