import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { acquireHomeLock } from '../src/index.ts';
import { startFixture, temporaryHome } from './support.ts';

it('gives a home to one process and names it to the others', async () => {
  await using home = await temporaryHome();
  await using holder = startFixture('hold-home.ts', [home.path]);
  expect(await holder.line(0)).toEqual({ held: true });
  await expect(acquireHomeLock(home.path)).rejects.toMatchObject({
    code: 'HOME_IN_USE',
    details: { pid: holder.child.pid },
    message: expect.stringContaining(String(holder.child.pid)),
  });
});

it('frees a home at once when its holder is killed', async () => {
  await using home = await temporaryHome();
  await using holder = startFixture('hold-home.ts', [home.path]);
  await holder.line(0);
  holder.child.kill('SIGKILL');
  await holder.ended();
  const lock = await acquireHomeLock(home.path);
  lock.release();
});

it('lets exactly one of many that start at once have it', async () => {
  await using home = await temporaryHome();
  await using undo = new AsyncDisposableStack();
  const starters = Array.from({ length: 4 }, () => undo.use(startFixture('hold-home.ts', [home.path])));
  const results = await Promise.all(starters.map((each) => each.line(0)));
  expect(results.filter((result) => JSON.stringify(result) === '{"held":true}')).toHaveLength(1);
  expect(results.filter((result) => JSON.stringify(result).includes('HOME_IN_USE'))).toHaveLength(3);
});

it('refuses a second lock in the same process and gives it after the release', async () => {
  await using home = await temporaryHome();
  const first = await acquireHomeLock(home.path);
  await expect(acquireHomeLock(home.path)).rejects.toMatchObject({ code: 'HOME_IN_USE' });
  first.release();
  first.release();
  using second = await acquireHomeLock(home.path);
  expect(second).toBeDefined();
});

it('creates a home that is missing and says when it cannot', async () => {
  await using home = await temporaryHome();
  const nested = join(home.path, 'a', 'b');
  using lock = await acquireHomeLock(nested);
  expect(lock && existsSync(nested)).toBe(true);
  const underFile = join(nested, 'server.lock', 'home');
  await expect(acquireHomeLock(underFile)).rejects.toMatchObject({ code: 'HOME_UNUSABLE' });
});
