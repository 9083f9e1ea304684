/** The object without its undefined properties, as exact optional types want it. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  // Entries keep their keys and values; only undefined ones are gone.
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
