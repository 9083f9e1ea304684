import { setTimeout as delay } from 'node:timers/promises';

/** Longer than an honest machine takes, and less than a test may. */
const PATIENCE_MS = 60_000;
const POLL_MS = 20;

/**
 * Polls until a condition holds.
 *
 * @param what is waited for, to end the sentence "waited in vain until …"
 * @param patienceMs milliseconds that it may take
 * @throws when it does not come to hold in time
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await delay(POLL_MS);
  }
}
