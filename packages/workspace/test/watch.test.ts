import { mkdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { FsChange } from '@shadow/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeWorkspace, ok, type TestWorkspace } from './fixtures/engine.ts';

// Grammars are compiled, changes awaited: slow on a machine that has other work.
vi.setConfig({ testTimeout: 60_000 });

let workspace: TestWorkspace;
let control: AbortController;
let changes: FsChange[];
let watching: Promise<void>;

beforeEach(() => {
  workspace = makeWorkspace();
  control = new AbortController();
  changes = [];
});
afterEach(async () => {
  control.abort();
  await watching;
  await workspace.close();
});

const seen = (): string[] =>
  changes.flatMap((batch) => batch.changes.map(({ kind, path }) => `${kind} ${path}`));

/** Waits until a condition on what was seen holds. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not seen in time; seen: ${seen().join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Starts to watch, and makes sure that it does: a probe is written until it is seen. */
async function watch(): Promise<void> {
  watching = (async () => {
    for await (const batch of workspace.engine.watch({ signal: control.signal })) changes.push(batch);
  })();
  let turn = 0;
  await until(() => {
    turn += 1;
    if (turn % 20 === 1) workspace.put('probe', `${turn}`);
    return seen().some((entry) => entry.endsWith(' probe'));
  });
}

describe('watch', () => {
  it('tells what is made, changed and deleted, without noise that git ignores', async () => {
    workspace.put('.gitignore', 'node_modules/\n*.log\n');
    workspace.put('.git/HEAD', '');
    workspace.put('node_modules/old/index.js', '');
    workspace.put('src/a.ts', '1');
    workspace.put('src/gone.ts', '1');
    await watch();
    workspace.put('node_modules/old/index.js', 'x');
    workspace.put('.git/HEAD', 'x');
    workspace.put('src/debug.log', 'x');
    workspace.put('src/a.ts', '2');
    unlinkSync(join(workspace.root, 'src/gone.ts'));
    ok(await workspace.engine.writeFile({ path: 'src/b.ts', content: '1' }));
    await until(() =>
      ['src/a.ts', 'src/gone.ts', 'src/b.ts'].every((path) =>
        seen().some((entry) => entry.endsWith(` ${path}`)),
      ),
    );
    expect(seen()).toContain('modified src/a.ts');
    expect(seen()).toContain('deleted src/gone.ts');
    expect(seen().filter((entry) => /node_modules|\.git\/|\.log|\.tmp/.test(entry))).toEqual([]);
  });

  it('minds rules that change while it watches', async () => {
    await watch();
    workspace.put('.gitignore', 'out/\n');
    await until(() => seen().some((entry) => entry.endsWith(' .gitignore')));
    mkdirSync(join(workspace.root, 'out'));
    workspace.put('out/x', '');
    workspace.put('after', '');
    await until(() => seen().some((entry) => entry.endsWith(' after')));
    rmSync(join(workspace.root, 'out'), { recursive: true });
    workspace.put('later', '');
    await until(() => seen().some((entry) => entry.endsWith(' later')));
    expect(seen().filter((entry) => entry.includes('out'))).toEqual([]);
  });

  it('bounds a batch and says that it was cut', async () => {
    await watch();
    for (let index = 0; index < 3_000; index += 1) workspace.put(`many-${index}`, '');
    await until(
      () =>
        changes.some((batch) => batch.truncated) ||
        seen().filter((entry) => entry.includes('many-')).length >= 3_000,
    );
    expect(Math.max(...changes.map((batch) => batch.changes.length))).toBeLessThanOrEqual(1_000);
  });

  it('ends at once with a signal that is aborted already, and when its reader stops', async () => {
    await watch();
    const batches: FsChange[] = [];
    for await (const batch of workspace.engine.watch({ signal: AbortSignal.abort() })) batches.push(batch);
    expect(batches).toEqual([]);
    let turn = 0;
    const writing = setInterval(() => {
      turn += 1;
      workspace.put('again', `${turn}`);
    }, 20);
    for await (const batch of workspace.engine.watch({})) {
      expect(batch.changes.length).toBeGreaterThan(0);
      break;
    }
    clearInterval(writing);
  });
});
