import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rgPath } from '@vscode/ripgrep';
import { describe, expect, it } from 'vitest';
import { runRipgrep } from '../src/search/ripgrep.ts';
import { isRoot, NOBODY } from './fixtures/engine.ts';

describe('ripgrep in an installation that the workspace’s user cannot reach', () => {
  it.runIf(isRoot)('still runs, and as that user', async () => {
    const base = mkdtempSync(join(tmpdir(), 'shadow-reach-'));
    chmodSync(base, 0o755);
    const home = join(base, 'home');
    mkdirSync(home);
    copyFileSync(rgPath, join(home, 'rg'));
    chmodSync(join(home, 'rg'), 0o755);
    chmodSync(home, 0o700);
    const tree = join(base, 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'open'), 'needle\n', { mode: 0o644 });
    writeFileSync(join(tree, 'closed'), 'needle\n', { mode: 0o600 });
    let output = '';
    const outcome = await runRipgrep({
      binary: join(home, 'rg'),
      args: ['--files-with-matches', 'needle', './'],
      cwd: tree,
      runAs: NOBODY,
      environment: {},
      signal: undefined,
      onOutput: (chunk) => {
        output += chunk.toString();
        return true;
      },
    });
    rmSync(base, { recursive: true });
    expect(output).toBe('./open\n');
    expect(outcome.exitCode).toBe(2);
  });

  it('is said to be unavailable when it cannot be started', async () => {
    const run = runRipgrep({
      binary: '/nowhere/rg',
      args: [],
      cwd: '/',
      runAs: undefined,
      environment: {},
      signal: undefined,
      onOutput: () => true,
    });
    await expect(run).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
