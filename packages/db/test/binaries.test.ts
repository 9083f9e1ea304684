import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { copyBinaries, locateBinaries } from '../src/embedded/binaries.ts';
import { temporaryHome } from './support.ts';

it('makes a copy of PostgreSQL that runs, once', async () => {
  await using home = await temporaryHome();
  const installed = await locateBinaries(home.path);
  const copy = await copyBinaries(installed, home.path);
  expect(copy.postgres.startsWith(home.path)).toBe(true);
  expect(execFileSync(copy.postgres, ['--version'], { encoding: 'utf8' })).toContain(
    `PostgreSQL) ${copy.major}.`,
  );
  expect(await copyBinaries(installed, home.path)).toEqual(copy);
});
