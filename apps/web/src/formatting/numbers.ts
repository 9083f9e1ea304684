/**
 * Dollars for people: `$0.04`, `$12.30`; tiny sums keep two digits that say something.
 * @param usd dollars, or null when the model's price is not known
 */
export function formatMoney(usd: number | null): string {
  if (usd === null) return '–';
  if (usd === 0) return '$0.00';
  if (usd < 0.01) return `$${usd.toPrecision(1)}`.replace(/e.*/, '');
  return `$${usd.toFixed(2)}`;
}

/** Token counts: `812`, `4.2k`, `1.3M`. */
export function formatTokens(count: number): string {
  if (count < 1000) return String(count);
  if (count < 100_000) return `${(count / 1000).toFixed(1)}k`;
  if (count < 1_000_000) return `${Math.round(count / 1000)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
}

/** `1 file`, `3 files`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
