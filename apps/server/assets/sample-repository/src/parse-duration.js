import { UNITS } from './units.js';

const PART = /(\d+)\s*(ms|[dhms])/g;

/**
 * Milliseconds of a duration such as "1h 30m".
 * @param {string} text
 * @returns {number}
 */
export function parseDuration(text) {
  const parts = [...text.matchAll(PART)];
  if (parts.length === 0) throw new TypeError(`not a duration: ${text}`);
  return parts.reduce((total, [, amount, unit]) => total + Number(amount) * UNITS[unit], 0);
}
