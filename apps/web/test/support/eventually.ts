import { expect } from 'vitest';

/** Waits until a value read from the page is as expected. */
export function eventually<T>(read: () => Promise<T> | T) {
  return expect.poll(read, { timeout: 20_000, interval: 50 });
}
