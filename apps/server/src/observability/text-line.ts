import * as z from 'zod';

const Line = z.looseObject({
  time: z.string(),
  level: z.string(),
  msg: z.string().optional(),
  component: z.string().optional(),
  err: z.looseObject({ stack: z.string().optional(), message: z.string().optional() }).optional(),
});

/**
 * A JSON log line as people read it: `12:34:56 INFO  [HTTP] request method=GET status=200`, stacks below.
 * @param json one line as pino writes it
 */
export function textLine(json: string): string {
  const parsed = Line.safeParse(JSON.parse(json));
  if (!parsed.success) return json;
  const { time, level, msg, component, err, ...fields } = parsed.data;
  const head = [
    time.slice(11, 19),
    level.toUpperCase().padEnd(5),
    ...(component === undefined ? [] : [`[${component}]`]),
    ...(msg === undefined ? [] : [msg]),
    ...Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`),
  ].join(' ');
  const trace = err?.stack ?? err?.message;
  return trace === undefined ? `${head}\n` : `${head}\n${trace.replaceAll(/^/gm, '    ')}\n`;
}

function fieldText(value: unknown): string {
  // Control characters would let a logged value forge a line of its own; JSON escapes them.
  return typeof value === 'string' && /^[^\s"\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value);
}
