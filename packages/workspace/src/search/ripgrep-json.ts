import * as z from 'zod';

/** Text, or bytes in base64 where it is not UTF-8 (grep_printer's JSON format). */
const Data = z.union([z.object({ text: z.string() }), z.object({ bytes: z.string() })]);
type Data = z.infer<typeof Data>;

const Event = z.object({
  type: z.enum(['match', 'context']),
  data: z.object({
    path: Data,
    lines: Data,
    line_number: z.int().nullable(),
    submatches: z.array(z.object({ start: z.int(), end: z.int() })).optional(),
  }),
});

/** A line that matched, or one around it. */
export type RipgrepEvent = z.infer<typeof Event>;

/**
 * Parses one line of `rg --json`.
 *
 * @returns undefined for events that bear no lines (begin, end, summary)
 */
export function readEvent(line: Buffer): RipgrepEvent | undefined {
  const head = line.subarray(0, 17).toString('latin1');
  if (!head.startsWith('{"type":"match"') && !head.startsWith('{"type":"context"')) return undefined;
  return Event.parse(JSON.parse(line.toString('utf8')));
}

/** Text of ripgrep's data; bytes that are not UTF-8 are read as Latin-1. */
export function textOf(data: Data): string {
  return 'text' in data ? data.text : Buffer.from(data.bytes, 'base64').toString('latin1');
}
