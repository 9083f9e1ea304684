/** Replaces known secrets in a text by a marker. */
export type Redact = (text: string) => string;

/** Shorter values would be found in innocent text. */
const SHORTEST_SECRET = 8;

/**
 * A redactor of exact values.
 * @param secrets values that must not be seen; ones under 8 characters are left alone
 */
export function redactValues(secrets: Iterable<string>): Redact {
  const known = [...new Set(secrets)].filter((secret) => secret.length >= SHORTEST_SECRET);
  // The longest first, so that a secret that contains another is replaced whole.
  known.sort((a, b) => b.length - a.length);
  return (text) => known.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text);
}

/** Applies a redactor to every string inside a JSON-like value. */
export function redactDeep(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactDeep(item, redact)]));
}
