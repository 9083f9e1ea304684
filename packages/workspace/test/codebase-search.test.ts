import { readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CodeIndex } from '../src/search/codebase/code-index.ts';
import { loadIndex } from '../src/search/codebase/index-file.ts';
import { queryTerms, splitIdentifier, stem } from '../src/search/codebase/terms.ts';
import { createConfinement } from '../src/security/paths.ts';
import { errorOf, makeWorkspace, ok, type TestWorkspace } from './fixtures/engine.ts';

// Grammars are compiled, changes awaited: slow on a machine that has other work.
vi.setConfig({ testTimeout: 60_000 });

let workspace: TestWorkspace;
beforeEach(() => {
  workspace = makeWorkspace();
  workspace.put('.gitignore', 'dist/\n');
  workspace.put(
    'src/cart.ts',
    `${'// filler\n'.repeat(3)}
/** Adds up the prices of everything in the cart. */
export function calculateTotal(cart: Cart): number {
  return cart.items.reduce((sum, item) => sum + item.price, 0);
}

export class CartRepository {
${Array.from({ length: 40 }, (_, index) => `  method${index}(): void {\n    this.store.touch(${index});\n  }\n`).join('\n')}
  removeExpiredCarts(): void {
    this.store.deleteWhere((cart) => cart.expired);
  }
}
`,
  );
  workspace.put(
    'src/mail.py',
    'def send_welcome_mail(user):\n    """Greets a new customer."""\n    return smtp.deliver(user.address)\n',
  );
  workspace.put(
    'lib/legacy.js',
    "exports.parseHeader = function parseHeader(line) {\n  return line.split(':');\n};\n",
  );
  workspace.put(
    'native/ring.c',
    'int ring_buffer_push(struct ring *r, int value) {\n  return r->size += value;\n}\n',
  );
  workspace.put('README.md', '# Shop\n\nText.\n\n## Shipping zones\n\nParcels go to three zones.\n');
  workspace.put('dist/cart.js', 'function calculateTotal() {}\n');
  workspace.put('data.bin', Buffer.from([0, 1, 2]));
  workspace.put('app.min.js', 'function calculateTotal(){}');
  workspace.put('packed.js', `var calculateTotal=1;${'x'.repeat(5_000)}`);
});
afterEach(() => workspace.close());

const indexOf = (hasRoom: () => boolean = () => true): CodeIndex => {
  const { root, stateDir } = workspace;
  const scope = {
    root,
    confinement: createConfinement(root),
    runAs: undefined,
    environment: { PATH: process.env.PATH ?? '' },
  };
  return new CodeIndex({ scope, stateDir, hasRoom, atOnce: 8 });
};

describe('codebaseSearch', () => {
  it('answers questions and names with the symbol, its lines and its comment', async () => {
    const asked = async (query: string) => ok(await workspace.engine.codebaseSearch({ query })).snippets[0];
    expect(await asked('calculateTotal')).toMatchObject({
      path: 'src/cart.ts',
      symbol: 'calculateTotal',
      startLine: 5,
      endLine: 8,
    });
    expect((await asked('how is the sum of prices computed?'))?.symbol).toBe('calculateTotal');
    expect(await asked('remove carts that have expired')).toMatchObject({
      symbol: 'CartRepository.removeExpiredCarts',
      content: expect.stringContaining('deleteWhere'),
    });
    expect((await asked('greeting for new customers'))?.symbol).toBe('send_welcome_mail');
    expect((await asked('parse a header line'))?.symbol).toBe('exports.parseHeader');
    expect((await asked('push into the ring buffer'))?.symbol).toBe('ring_buffer_push');
    expect(await asked('shipping zones')).toMatchObject({ path: 'README.md', startLine: 5, endLine: 7 });
    expect(await asked('quetzalcoatl')).toBeUndefined();
  });

  it('bounds its answer, looks into one directory alone, and leaves out what is ignored or no source', async () => {
    const all = ok(await workspace.engine.codebaseSearch({ query: 'calculate total cart', limit: 50 }));
    expect(all.complete).toBe(true);
    expect(all.filesIndexed).toBe(6);
    expect(new Set(all.snippets.map((snippet) => snippet.path))).toEqual(new Set(['src/cart.ts']));
    expect(
      ok(await workspace.engine.codebaseSearch({ query: 'return', path: 'native' })).snippets.map(
        (snippet) => snippet.path,
      ),
    ).toEqual(['native/ring.c']);
    expect(ok(await workspace.engine.codebaseSearch({ query: 'return', limit: 1 })).snippets).toHaveLength(1);
    expect(errorOf(await workspace.engine.codebaseSearch({ query: 'x', path: '../x' })).code).toBe(
      'PATH_OUTSIDE_WORKSPACE',
    );
    expect(errorOf(await workspace.engine.codebaseSearch({ query: '' })).code).toBe('VALIDATION_FAILED');
  });

  it('shows a changed file as it is now, and learns of new ones', async () => {
    ok(await workspace.engine.codebaseSearch({ query: 'ring' }));
    workspace.put('native/ring.c', '\n\nint ring_buffer_push(int changed) {\n  return changed;\n}\n');
    expect(
      ok(await workspace.engine.codebaseSearch({ query: 'ring_buffer_push' })).snippets[0],
    ).toMatchObject({ startLine: 3, content: expect.stringContaining('changed') });
    let turn = 0;
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; turn += 1) {
      ok(
        await workspace.engine.writeFile({
          path: 'src/fresh.ts',
          content: `export function brandNewThing() {\n  return ${turn};\n}\n`,
        }),
      );
      const { snippets } = ok(await workspace.engine.codebaseSearch({ query: 'brandNewThing' }));
      if (snippets[0]?.symbol === 'brandNewThing') return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('the new file was never found');
  });

  it('ends with the signal and with the workspace', async () => {
    const control = new AbortController();
    const pending = workspace.engine.codebaseSearch({ query: 'x' }, { signal: control.signal });
    control.abort();
    expect(errorOf(await pending).code).toBe('CANCELLED');
    const closing = workspace.engine.codebaseSearch({ query: 'x' });
    await workspace.engine.close();
    expect(['success', 'UNAVAILABLE']).toContain(
      await closing.then((result) => (result.success ? 'success' : result.error.code)),
    );
  });
});

describe('the index', () => {
  it('takes in what there is memory for, from disk as well, and says that it is full', async () => {
    const withRoomFor = (files: number) => {
      let room = files;
      return indexOf(() => {
        room -= 1;
        return room >= 0;
      });
    };
    const stateOf = async (index: CodeIndex) => {
      await index.build();
      const { snippets: _, ...state } = await index.search('nothing has this', 3, '');
      return state;
    };
    const small = await stateOf(withRoomFor(2));
    expect(small).toMatchObject({ complete: false, full: true });
    expect(small.filesIndexed).toBeLessThanOrEqual(2);
    expect(await stateOf(indexOf())).toEqual({ complete: true, full: false, filesIndexed: 6 });
    const stored = withRoomFor(3);
    expect(await stateOf(stored)).toEqual({ complete: false, full: true, filesIndexed: 3 });
    workspace.put('extra/late.ts', 'export const comesTooLate = () => 1;\n');
    await stored.update(['extra/late.ts']);
    expect((await stored.search('comesTooLate', 5, '')).snippets).toEqual([]);
  });

  it('lies on disk: the next one starts from it, follows changes and survives a broken file', async () => {
    const first = indexOf();
    await first.build();
    expect((await first.search('calculateTotal', 5, '')).filesIndexed).toBe(6);
    const [name] = readdirSync(join(workspace.stateDir, 'code-index'));
    expect(name).toBe('index.ndjson.gz');
    const files: string[] = [];
    const whole = await loadIndex(
      workspace.stateDir,
      () => {},
      ({ path }) => files.push(path),
    );
    expect(whole).toBe(true);
    expect(files).toHaveLength(6);
    unlinkSync(join(workspace.root, 'lib/legacy.js'));
    workspace.put('src/mail.py', 'def send_goodbye(user):\n    return user\n');
    const second = indexOf();
    await second.build();
    expect((await second.search('parseHeader', 5, '')).snippets).toEqual([]);
    expect((await second.search('send goodbye', 5, '')).snippets[0]?.symbol).toBe('send_goodbye');
    writeFileSync(join(workspace.stateDir, 'code-index/index.ndjson.gz'), 'broken');
    const third = indexOf();
    await third.build();
    expect((await third.search('calculateTotal', 5, '')).snippets[0]?.symbol).toBe('calculateTotal');
  });

  it('takes single changes, whole directories among them', async () => {
    const index = indexOf();
    expect(await index.search('anything', 5, '')).toMatchObject({
      snippets: [],
      complete: false,
      full: false,
    });
    await index.build();
    rmSync(join(workspace.root, 'src'), { recursive: true });
    workspace.put('extra/one.ts', 'export const answerToEverything = () => 42;\n');
    await index.update(['src', 'extra/one.ts', 'data.bin']);
    expect((await index.search('calculateTotal', 5, '')).snippets).toEqual([]);
    expect((await index.search('answer to everything', 5, '')).snippets[0]?.path).toBe('extra/one.ts');
  });
});

describe('terms', () => {
  it('take identifiers apart and bring words of one family together', () => {
    expect(splitIdentifier('parseHTTPHeaders')).toEqual(['parse', 'http', 'headers']);
    expect(splitIdentifier('MAX_FILE_SIZE')).toEqual(['max', 'file', 'size']);
    expect(splitIdentifier('URLs')).toEqual(['url']);
    for (const family of [
      ['valid', 'validate', 'validation', 'validity'],
      ['parse', 'parsing', 'parser', 'parsed'],
      ['query', 'queries'],
      ['stop', 'stopped', 'stopping'],
    ]) {
      expect(new Set(family.map(stem)).size, family.join()).toBe(1);
    }
    expect(queryTerms('where is the user cache cleared?')).toEqual(
      ['user', 'cach', 'clear'].map((word) => expect.stringContaining(word.slice(0, 3))),
    );
    expect(queryTerms('how is it')).not.toEqual([]);
  });
});
