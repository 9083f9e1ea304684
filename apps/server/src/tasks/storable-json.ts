/**
 * JSON that PostgreSQL's jsonb accepts: NUL and lone surrogates, which it refuses, become U+FFFD.
 * Source: PostgreSQL manual, 8.14 JSON Types ("\u0000 is disallowed", "Unicode surrogate pairs must be correct").
 */
export function toStorableJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'string' ? storableText(item) : item,
  );
}

/** The same for a plain text column. */
export function storableText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\uFFFD') : wellFormed;
}
