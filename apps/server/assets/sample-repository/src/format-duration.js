import { UNITS } from './units.js';

/**
 * A duration as text, such as "1h 30m".
 * @param {number} milliseconds
 * @returns {string}
 */
export function formatDuration(milliseconds) {
  if (!Number.isFinite(milliseconds) || milliseconds < 0) {
    throw new RangeError(`not a duration: ${milliseconds}`);
  }
  const parts = [];
  let left = Math.round(milliseconds);
  for (const [unit, size] of Object.entries(UNITS)) {
    const amount = Math.floor(left / size);
    if (amount > 0) parts.push(`${amount}${unit}`);
    left -= amount * size;
  }
  return parts.join(' ') || '0s';
}
