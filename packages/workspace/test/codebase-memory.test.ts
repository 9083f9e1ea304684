import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CodebaseSearchResult } from '@shadow/protocol';
import { ShadowError } from '@shadow/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { CodebaseSearch } from '../src/search/codebase/codebase-search.ts';
import { createConfinement } from '../src/security/paths.ts';

// Thousands of files are indexed.
vi.setConfig({ testTimeout: 300_000 });

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'shadow-index-')));
  mkdirSync(join(base, 'code'));
  mkdirSync(join(base, 'state'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** So many files with so many functions each, of words that differ. */
function write(files: number, functions: number): void {
  for (let file = 0; file < files; file += 1) {
    const text = Array.from({ length: functions }, (_, number) => {
      const word = (file * functions + number)
        .toString(26)
        .replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '');
      return `export function ${word}Of(input: string): number {\n  const ${word} = input.length;\n  return ${word} + ${number};\n}\n`;
    });
    writeFileSync(join(base, 'code', `file-${file}.ts`), text.join('\n'));
  }
}

it('a thread that runs out of memory is an error that says so, and those after it take in less until one holds', async () => {
  write(12, 2_000);
  const root = join(base, 'code');
  const environment = { PATH: process.env.PATH ?? '', HOME: base };
  await using search = new CodebaseSearch({
    context: { root, stateDir: join(base, 'state'), environment },
    confinement: createConfinement(root),
    watch: async function* () {},
    patienceMs: 120_000,
    heapMb: 40,
  });
  const failures: string[] = [];
  let answer: CodebaseSearchResult | undefined;
  while (answer === undefined && failures.length < 8) {
    answer = await search.search({ query: 'input length' }, undefined).catch((thrown: unknown) => {
      if (!(thrown instanceof ShadowError)) throw thrown;
      failures.push(`${thrown.code}: ${thrown.message}`);
      return undefined;
    });
  }
  expect(failures[0]).toMatch(/^UNAVAILABLE: .*took more memory than there is for it/);
  expect(new Set(failures).size).toBe(1);
  expect(answer).toMatchObject({ complete: false, full: true });
  // The process goes on, and so does the index that held.
  expect(await search.search({ query: 'input length' }, undefined)).toEqual(answer);
});

it.skipIf(process.platform !== 'linux')(
  'a process that indexes 10,000 files stays below 700 MiB',
  async () => {
    write(10_000, 12);
    const child = fork(new URL('./fixtures/index-process.ts', import.meta.url), [base], {
      env: { PATH: process.env.PATH ?? '' },
      execArgv: [],
    });
    try {
      const [said]: unknown[] = await once(child, 'message');
      const { peakMiB, filesIndexed, complete } = z
        .object({ peakMiB: z.number(), filesIndexed: z.int(), complete: z.boolean() })
        .parse(said);
      expect({ filesIndexed, complete }).toEqual({ filesIndexed: 10_000, complete: true });
      expect(peakMiB).toBeLessThan(700);
    } finally {
      child.kill('SIGKILL');
    }
  },
);
