/** An unquoted literal with its escapes taken off, or null when the shell would expand it further. */
export function literal(value: string, isQuoted: boolean): string | null {
  if (isQuoted) return value.replace(/\\\n/g, '').replace(/\\([$`"\\])/g, '$1');
  // The command of that name, not a pattern.
  if (value === '[') return value;
  const isExpanded = /(^|[^\\])(\\\\)*[*?[]/.test(value) || /\{[^}]*(,|\.\.)/.test(value);
  if (isExpanded) return null;
  return value.replace(/\\\n/g, '').replace(/\\(.)/gs, '$1');
}

const ANSI: Record<string, string> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The text of `$'…'` (bash(1), QUOTING); bytes beyond ASCII and control characters are given up on. */
export function unescapeAnsi(value: string): string | null {
  if (/\\c/.test(value)) return null;
  const text = value.replace(
    /\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|.)/gs,
    (_, code: string) => {
      if (/^[xuU]./.test(code)) return fromCode(Number.parseInt(code.slice(1), 16));
      if (/^[0-7]/.test(code)) return fromCode(Number.parseInt(code, 8) & 0xff);
      return ANSI[code] ?? code;
    },
  );
  // A NUL ends the string early: what bash makes of the rest differs between versions.
  return text.includes('\0') ? null : text;
}

function fromCode(code: number): string {
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\0';
}
