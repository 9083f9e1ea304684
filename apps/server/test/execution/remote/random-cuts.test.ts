import { createHash } from 'node:crypto';
import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { CuttingProxy } from './support/cutting-proxy.ts';
import { executorOn, TestSidecar } from './support/sidecar.ts';

const CUTS = process.env.SHADOW_SOAK === '1' ? 1000 : 40;
/** Of the cuts at the reader's end every third is the sidecar's own death, which costs a start: about a tenth of all. */
const KILL_EACH = 3;
/** Numbers counted for each cut: less than the ring holds even for all of them, so that nothing is declared as gone. */
const LINES_PER_CUT = 900;
/** So that the last cut of few comes before the end, too. */
const SPARE_LINES = 20_000;
/** Digits of a number. */
const WIDTH = 7;
const SEED = 20_261;

/** Pseudo-random numbers from 0 to 1 (a linear congruential generator): the same ones in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

it(`an output that is cut ${CUTS} times, by its reader, the way and kill -9 of the sidecar, arrives whole`, async () => {
  await using sidecar = await TestSidecar.start();
  await using proxy = await CuttingProxy.start(sidecar.port);
  const executor = await executorOn(proxy.port, {
    retryDelaysMs: [20, 200, 1000, 3000, 5000, 10_000],
    breakAfter: 1000,
  });
  const random = seeded(SEED);
  const lines = CUTS * LINES_PER_CUT + SPARE_LINES;
  const text = Array.from(
    { length: lines },
    (_, index) => `${String(index + 1).padStart(WIDTH, '0')}\n`,
  ).join('');
  const processId = 'cut-often';
  unwrap(
    await executor.executeCommand({
      command: `seq -f %0${WIDTH}.0f 1 ${lines}`,
      processId,
      isBackground: true,
    }),
  );

  const made = { way: 0, reader: 0, kill: 0 };
  const hash = createHash('sha256');
  let offset = 0;
  let isEnded = false;
  proxy.plan = () => {
    if (made.way + made.reader + made.kill >= CUTS) return undefined;
    return 700 + Math.floor(random() * LINES_PER_CUT * 16);
  };
  let counted = 0;
  while (!isEnded) {
    const isOver = made.way + made.reader + made.kill >= CUTS;
    const stopAt = isOver ? Number.POSITIVE_INFINITY : offset + Math.floor(random() * LINES_PER_CUT * 24);
    for await (const frame of executor.readOutput({ processId, fromOffset: offset, follow: true })) {
      if (frame.type === 'end') {
        expect(frame.process).toMatchObject({ state: 'exited', exitCode: 0, outputEnd: offset });
        isEnded = true;
        break;
      }
      if (frame.type !== 'data') throw new Error(`unexpected: ${JSON.stringify(frame)}`);
      expect(frame.offset).toBe(offset);
      offset += frame.data.length;
      hash.update(frame.data);
      if (offset >= stopAt) break;
    }
    made.way += proxy.cuts - counted;
    counted = proxy.cuts;
    if (isEnded) break;
    if ((made.reader + made.kill) % KILL_EACH === KILL_EACH - 1) {
      made.kill += 1;
      await sidecar.kill();
      await sidecar.start();
    } else {
      made.reader += 1;
    }
  }
  expect(offset).toBe(text.length);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(text).digest('hex'));
  expect(made.way + made.reader + made.kill).toBeGreaterThanOrEqual(CUTS);
  for (const count of Object.values(made)) expect(count).toBeGreaterThan(CUTS / 100);
  proxy.plan = () => undefined;
  await executor.close();
}, 1_800_000);
