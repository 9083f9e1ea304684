import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShadowError } from '@shadow/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkspaceContext } from '../src/context.ts';
import { createFileOperations } from '../src/files/file-operations.ts';
import { createConfinement } from '../src/security/paths.ts';
import { createPortableConfinement } from '../src/security/paths-portable.ts';

const SOAK = process.env.SHADOW_SOAK !== undefined && process.env.SHADOW_SOAK !== '';
const CASES = SOAK ? 10_000 : 200;
const SWAPS = SOAK ? 10_000 : 300;
/** Enough for the full count on a busy machine. */
const TIMEOUT = SOAK ? 900_000 : 60_000;
const MARK = 'this text is outside of the workspace';

let base: string;
let root: string;
let outside: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'shadow-paths-')));
  root = join(base, 'workspace');
  outside = join(base, 'outside');
  layOut();
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function layOut(): void {
  rmSync(root, { recursive: true, force: true });
  rmSync(outside, { recursive: true, force: true });
  for (const directory of ['a/b/c', 'b', '.git/hooks']) mkdirSync(join(root, directory), { recursive: true });
  mkdirSync(join(outside, 'a/b'), { recursive: true });
  for (const file of ['f', 'a/f', 'a/b/f', 'secret']) writeFileSync(join(outside, file), MARK);
  for (const file of ['f', 'a/f', 'a/b/f', 'a/b/c/f', 'b/f']) writeFileSync(join(root, file), 'inside');
}

/** Everything below a directory, with contents. */
function snapshot(directory: string, prefix = ''): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      const name = `${prefix}${entry.name}`;
      if (entry.isDirectory()) return [name, ...snapshot(path, `${name}/`)];
      const { mode, uid } = statSync(path);
      return [`${name} ${mode} ${uid} ${readFileSync(path, 'utf8')}`];
    });
}

const NAMES = [
  'a',
  'b',
  'c',
  'f',
  'l0',
  'l1',
  'l2',
  'new',
  'secret',
  'outside',
  'workspace',
  '.git',
  'hooks',
];
const name = fc.constantFrom(...NAMES);
const oddComponent = fc.constantFrom(
  '',
  '.',
  '..',
  '...',
  '.. ',
  ' ..',
  '%2e%2e',
  '..%2f',
  '%2e%2e%2f..',
  '..\\',
  '..\\..',
  '‥',
  '．．',
  '\u202e..',
  '..\u0000',
  '\ud800',
  '\udc2e\udc2e',
  '\xc0\xae\xc0\xae',
  '~',
  '$HOME',
  'C:',
  '//',
  '*',
  '-rf',
  '\n',
  'x'.repeat(256),
  'proc',
  'self',
  'fd',
);
const component = fc.oneof(
  { weight: 5, arbitrary: name },
  { weight: 3, arbitrary: fc.constant('..') },
  { weight: 2, arbitrary: oddComponent },
);
const relativePath = fc.array(component, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/'));
const requestPath = fc.oneof(
  { weight: 6, arbitrary: relativePath },
  { weight: 1, arbitrary: relativePath.map((path) => `@root/${path}`) },
  { weight: 1, arbitrary: relativePath.map((path) => `@outside/${path}`) },
  { weight: 1, arbitrary: relativePath.map((path) => `@root/../outside/${path}`) },
  { weight: 1, arbitrary: relativePath.map((path) => `@rootx/${path}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/',
      '/etc/passwd',
      '/proc/self/root/etc/passwd',
      '/proc/self/cwd',
      '@base',
      '@root',
    ),
  },
);
/** Links of the workspace: where each is, and where it leads; they may chain, circle and dangle. */
const links = fc.array(
  fc.record({ at: fc.constantFrom('l0', 'l1', 'l2', 'a/l0', 'a/b/l1', 'b/l2', 'b/new'), to: requestPath }),
  { maxLength: 5 },
);

const placed = (path: string): string =>
  path.replace(
    /^@(rootx|root|outside|base)/,
    (_all, which: string) => ({ root, rootx: `${root}x`, outside, base })[which] ?? '',
  );

const BODY = 'written by the test';
type Operations = ReturnType<typeof createFileOperations>;

/** Each kind of access; what it shows of a file's content, or nothing. */
const ACCESSES: Readonly<
  Record<string, (files: Operations, path: string, other: string) => Promise<unknown>>
> = {
  read: (files, path) => files.readFile({ path }),
  write: (files, path) => files.writeFile({ path, content: BODY }),
  replace: (files, path) => files.searchReplace({ path, oldText: 'i', newText: 'X', replaceAll: true }),
  upload: (files, path) =>
    files.uploadFile(
      { path, overwrite: true },
      (async function* () {
        yield Buffer.from(BODY);
      })(),
    ),
  list: (files, path) => files.listDirectory({ path, recursive: true, includeIgnored: true }),
  stat: (files, path) => files.statFile({ path }),
  delete: (files, path) => files.deleteFile({ path, recursive: true }),
  mkdir: (files, path) => files.makeDirectory({ path }),
  move: (files, path, other) => files.moveFile({ from: path, to: other, overwrite: true }),
  download: async (files, path) => {
    const result = await files.downloadFile({ path });
    if (!result.success) return result;
    const parts: Uint8Array[] = [];
    try {
      for await (const part of result.content) parts.push(part);
    } catch (thrown) {
      // The swapper writes files anew: one may shrink under a reader.
      return { error: thrown instanceof ShadowError ? thrown.toOperationError() : String(thrown) };
    }
    return Buffer.concat(parts).toString();
  },
};

const operationsOn = (confinement: ReturnType<typeof createConfinement>): Operations => {
  const context: WorkspaceContext = { root, stateDir: base, environment: {} };
  return createFileOperations(context, confinement);
};

describe.each([
  { kind: 'the walk by handles', make: createConfinement },
  { kind: 'the check by real path', make: createPortableConfinement },
])('$kind', ({ make }) => {
  it(`lets nothing out, whatever paths and links are made up (${CASES} cases)`, {
    timeout: TIMEOUT,
  }, async () => {
    const untouched = snapshot(outside);
    const oneCase = fc.record({
      links,
      path: requestPath,
      other: requestPath,
      access: fc.constantFrom(...Object.keys(ACCESSES)),
    });
    await fc.assert(
      fc.asyncProperty(oneCase, async (input) => {
        layOut();
        for (const { at, to } of input.links) {
          if (!to.includes('\0') && !existsSync(join(root, at))) {
            try {
              symlinkSync(placed(to), join(root, at));
            } catch {
              // A name too long for a link, or one that is taken by a dangling link.
            }
          }
        }
        const answer = await ACCESSES[input.access]?.(
          operationsOn(make(root)),
          placed(input.path),
          placed(input.other),
        );
        expect(JSON.stringify(answer)).not.toContain(MARK);
        expect(JSON.stringify(answer)).not.toMatch(/\/proc\/self\/fd\/\d/);
        expect(snapshot(outside)).toEqual(untouched);
        expect(readdirSync(base).sort()).toEqual(['outside', 'workspace']);
        expect(readdirSync(join(root, '.git/hooks'))).toEqual([]);
      }),
      { numRuns: CASES },
    );
  });

  it('follows links that stay inside, and names the place as the caller did', async () => {
    symlinkSync('a/b', join(root, 'l0'));
    symlinkSync(join(root, 'l0'), join(root, 'l1'));
    symlinkSync('../l1/c', join(root, 'b/l2'));
    const files = operationsOn(make(root));
    for (const path of [
      'l0/f',
      'l1/f',
      'b/l2/f',
      'l1/../f',
      'b/l2/../../f',
      join(root, 'l1/c/f'),
      './/a/./b/c/../f',
    ]) {
      const shown = path.includes('..') ? expect.any(String) : path.replace(`${root}/`, '');
      expect(await files.readFile({ path }), path).toMatchObject({
        success: true,
        content: 'inside',
        path: shown,
      });
    }
  });

  it('tells a circle of links from a path outside', async () => {
    symlinkSync('l1', join(root, 'l0'));
    symlinkSync('l0', join(root, 'l1'));
    symlinkSync('/etc', join(root, 'l2'));
    const confinement = make(root);
    const codeOf = (path: string) =>
      confinement.resolve(path).then(
        () => 'none',
        (error: ShadowError) => error.code,
      );
    expect(await codeOf('l0/x')).toBe('PATH_INVALID');
    expect(await codeOf('l2/passwd')).toBe('PATH_OUTSIDE_WORKSPACE');
    expect(await codeOf('l2')).toBe('PATH_OUTSIDE_WORKSPACE');
    expect(await codeOf('a/../../outside/f')).toBe('PATH_OUTSIDE_WORKSPACE');
    expect(await codeOf(`${root}x/f`)).toBe('PATH_OUTSIDE_WORKSPACE');
    expect(await codeOf('a\0')).toBe('PATH_INVALID');
    expect(await codeOf(`${'x'.repeat(300)}/f`)).toMatch(/PATH_INVALID/);
  });
});

describe.runIf(process.platform === 'linux')('a swap during the call', () => {
  let swapper: ChildProcess;
  beforeEach(async () => {
    const script = fileURLToPath(new URL('./fixtures/swapper.mjs', import.meta.url));
    swapper = spawn(process.execPath, [script, join(root, 'a'), outside], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (swapper.stdout !== null) await once(swapper.stdout, 'data');
  });
  afterEach(async () => {
    swapper.kill('SIGKILL');
    await once(swapper, 'exit');
  });

  it(`never reads, writes, lists, moves or deletes outside (${SWAPS} calls against a real swapper)`, {
    timeout: TIMEOUT,
  }, async () => {
    const untouched = snapshot(outside);
    const confinement = createConfinement(root);
    expect(confinement.raceSafe).toBe(true);
    const files = operationsOn(confinement);
    const kinds = Object.keys(ACCESSES);
    const outcomes = new Map<string, number>();
    for (let call = 0; call < SWAPS; call += 1) {
      const kind = kinds[call % kinds.length] ?? 'read';
      const path =
        kind === 'delete'
          ? 'a/b'
          : kind === 'mkdir'
            ? 'a/b/made'
            : kind === 'list'
              ? 'a'
              : call % 3 === 0
                ? 'a/b/f'
                : 'a/f';
      const answer = JSON.stringify(await ACCESSES[kind]?.(files, path, 'b/moved'));
      expect(answer).not.toContain(MARK);
      const code = /"code":"(\w+)"/.exec(answer)?.[1] ?? 'success';
      outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
    }
    expect(snapshot(outside)).toEqual(untouched);
    // Both sides of the race were met, or the test would prove nothing.
    expect(outcomes.get('success')).toBeGreaterThan(0);
    expect(outcomes.get('PATH_OUTSIDE_WORKSPACE')).toBeGreaterThan(0);
  });
});

describe('deep and broken trees', () => {
  it('refuses what is nested too deeply and says when the root is gone', async () => {
    const confinement = createConfinement(root);
    const deep = Array.from({ length: 400 }, () => 'd').join('/');
    const files = operationsOn(confinement);
    expect(await files.writeFile({ path: `${deep}/f`, content: '' })).toMatchObject({
      error: { code: 'PATH_INVALID' },
    });
    rmSync(root, { recursive: true });
    expect(await files.readFile({ path: 'f' })).toMatchObject({ error: { code: 'WORKSPACE_LOST' } });
    await expect(createConfinement(root).resolve('f')).rejects.toBeInstanceOf(ShadowError);
  });
});
