import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds over which the processors are looked at. */
const WINDOW_MS = 500;
/** Share of their time that they may be at work on a quiet machine. */
const BUSY_SHARE = 0.1;
/** Milliseconds after which a machine that does not come to rest is taken as it is. */
const PATIENCE_MS = 15_000;

/** Resolves when this machine has been quiet for a while: what came before is in nobody's time then. */
export async function quiet(): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let before = processorTime(); performance.now() < deadline; ) {
    await delay(WINDOW_MS);
    const now = processorTime();
    const busy = 1 - (now.idle - before.idle) / (now.total - before.total);
    if (busy < BUSY_SHARE) return;
    before = now;
  }
}

function processorTime(): { idle: number; total: number } {
  const all = cpus().map(({ times }) => times);
  const sum = (values: number[]) => values.reduce((one, other) => one + other, 0);
  return {
    idle: sum(all.map(({ idle }) => idle)),
    total: sum(all.map((times) => sum(Object.values(times)))),
  };
}
