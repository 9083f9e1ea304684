import { ShadowError } from '@shadow/protocol';

/** Kubernetes' suffixes of quantities; source: its API conventions, "Quantity". */
const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * The number that a Kubernetes quantity such as `500m` or `2Gi` stands for.
 * @throws ShadowError VALIDATION_FAILED
 */
export function parseQuantity(text: string): number {
  const [, digits = '', suffix = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text) ?? [];
  const factor = FACTORS[suffix];
  if (digits === '' || factor === undefined) {
    throw new ShadowError('VALIDATION_FAILED', `"${text}" is not a Kubernetes quantity such as 500m or 2Gi.`);
  }
  return Number(digits) * factor;
}

/** The smaller of two quantities, as it was written. */
export function smallerQuantity(one: string, other: string): string {
  return parseQuantity(one) <= parseQuantity(other) ? one : other;
}

/** The sum of quantities of bytes. */
export function addQuantities(...quantities: readonly string[]): string {
  return String(Math.ceil(quantities.map(parseQuantity).reduce((sum, bytes) => sum + bytes, 0)));
}
