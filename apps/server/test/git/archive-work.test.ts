import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unwrap } from '@shadow/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ToolExecutor } from '../../src/execution/interfaces/tool-executor.ts';
import { createLocalToolExecutor } from '../../src/execution/local/local-tool-executor.ts';
import { archiveWork } from '../../src/git/archive-work.ts';
import { CuttingProxy } from '../execution/remote/support/cutting-proxy.ts';
import { executorOn, TestSidecar } from '../execution/remote/support/sidecar.ts';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';

const MIB = 1024 ** 2;
/** More than what stands in buffers on the way. */
const WORK_BYTES = 16 * MIB;
const NAME = 'task';
const PATIENCE_MS = 240_000;

let resources: AsyncDisposableStack;
/** The workspace, a repository with commits above its base. */
let root: string;
let archivesDir: string;
let baseCommit: string;

beforeEach(() => {
  resources = new AsyncDisposableStack();
});
afterEach(() => resources.disposeAsync(), PATIENCE_MS);

/** Gives the workspace commits that do not compress, and a file that is not committed. */
async function makeWork(): Promise<void> {
  await makeRepository(root, { 'readme.md': '# Project\n' });
  baseCommit = await git(root, 'rev-parse', 'HEAD');
  for (const message of ['Large work', 'Larger work']) {
    await writeFile(join(root, 'large.bin'), randomBytes(WORK_BYTES / 2));
    await git(root, '-c', 'core.looseCompression=0', 'add', '--all');
    await git(root, 'commit', '--quiet', '--message', message);
  }
  await writeFile(join(root, 'loose.txt'), 'not committed\n');
  archivesDir = join(resources.use(await temporaryDirectory()).path, 'archives');
}

const archive = (executor: Parameters<typeof archiveWork>[0]) =>
  archiveWork(executor, { archivesDir, name: NAME, baseCommit });

/** What is in the archives, halves included. */
const archives = () => readdir(archivesDir).catch(() => []);

async function expectWorkIsThere(): Promise<void> {
  expect((await stat(join(root, 'large.bin'))).size).toBe(WORK_BYTES / 2);
  expect(await readFile(join(root, 'loose.txt'), 'utf8')).toBe('not committed\n');
  expect(await git(root, 'rev-list', '--count', `${baseCommit}..HEAD`)).toBe('3');
  expect(await git(root, 'status', '--porcelain')).toBe('');
}

/** The archive is whole, and holds what the workspace has. */
async function expectWhole(bundlePath: string | null): Promise<void> {
  expect(bundlePath).toBe(join(archivesDir, `${NAME}.bundle`));
  expect(await archives()).toEqual([`${NAME}.bundle`]);
  const copy = join(archivesDir, '..', 'copy');
  await git(archivesDir, 'clone', '--quiet', root, copy);
  await git(copy, 'reset', '--quiet', '--hard', baseCommit);
  await git(copy, 'bundle', 'verify', '--quiet', join(archivesDir, `${NAME}.bundle`));
  await git(copy, 'fetch', '--quiet', join(archivesDir, `${NAME}.bundle`), 'HEAD');
  expect(await git(copy, 'rev-parse', 'FETCH_HEAD')).toBe(await git(root, 'rev-parse', 'HEAD'));
  expect(await git(copy, 'show', 'FETCH_HEAD:loose.txt')).toBe('not committed');
}

/** Cuts an object of an earlier commit, which git reads in the middle of a bundle. @returns what mends it */
async function breakObject(): Promise<() => Promise<void>> {
  const blob = await git(root, 'rev-parse', 'HEAD^:large.bin');
  const path = join(root, '.git/objects', blob.slice(0, 2), blob.slice(2));
  const whole = await readFile(path);
  await chmod(path, 0o644);
  await writeFile(path, whole.subarray(0, whole.length / 2));
  return () => writeFile(path, whole);
}

async function* afterFirst(
  content: AsyncIterable<Uint8Array>,
  act: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let isFirst = true;
  for await (const chunk of content) {
    yield chunk;
    if (isFirst) await act();
    isFirst = false;
  }
}

describe.each([
  { mode: 'local', code: 'GIT_FAILED', open: openLocal },
  { mode: 'remote', code: 'STREAM_INTERRUPTED', open: async () => (await openRemote()).executor },
])('archiving in $mode mode, where git fails in the middle of the bundle', ({ code, open }) => {
  it(
    'leaves no half archive and the work where it is, says why, and succeeds once git can',
    async () => {
      const executor = await open();
      const mend = await breakObject();
      expect(await archive(executor)).toMatchObject({
        success: false,
        error: { code, message: expect.stringMatching(/./) },
      });
      expect(await archives()).toEqual([]);
      await mend();
      await expectWorkIsThere();
      await expectWhole(unwrap(await archive(executor)).bundlePath);
    },
    PATIENCE_MS,
  );
});

describe('archiving in remote mode, where the connection is cut in the middle of the bundle', () => {
  it(
    'leaves no half archive and the work where it is, and succeeds when done again',
    async () => {
      const { executor, proxy } = await openRemote();
      proxy.plan = () => WORK_BYTES / 2;
      proxy.cutAll();
      expect(await archive(executor)).toMatchObject({
        success: false,
        error: { code: 'STREAM_INTERRUPTED', message: expect.stringMatching(/./) },
      });
      expect(proxy.cuts).toBeGreaterThan(0);
      expect(await archives()).toEqual([]);
      await expectWorkIsThere();
      proxy.plan = () => undefined;
      await expectWhole(unwrap(await archive(executor)).bundlePath);
    },
    PATIENCE_MS,
  );

  it(
    'leaves an earlier archive as it was',
    async () => {
      const { executor, proxy } = await openRemote();
      const { bundlePath } = unwrap(await archive(executor));
      const before = await readFile(bundlePath ?? '');
      await writeFile(join(root, 'later.bin'), randomBytes(MIB));
      proxy.plan = () => WORK_BYTES / 2;
      proxy.cutAll();
      expect(await archive(executor)).toMatchObject({
        success: false,
        error: { code: 'STREAM_INTERRUPTED' },
      });
      expect((await readFile(bundlePath ?? '')).equals(before)).toBe(true);
      expect(await archives()).toEqual([`${NAME}.bundle`]);
      proxy.plan = () => undefined;
      await expectWhole(unwrap(await archive(executor)).bundlePath);
    },
    PATIENCE_MS,
  );

  it(
    'does the same where the sidecar is killed',
    async () => {
      const { executor, sidecar } = await openRemote();
      const dying: Pick<ToolExecutor, 'gitCommit' | 'gitBundle'> = {
        gitCommit: (request) => executor.gitCommit(request),
        gitBundle: async (request) => {
          const bundle = await executor.gitBundle(request);
          return bundle.success
            ? { ...bundle, content: afterFirst(bundle.content, () => sidecar.kill()) }
            : bundle;
        },
      };
      expect(await archive(dying)).toMatchObject({ success: false, error: { code: 'STREAM_INTERRUPTED' } });
      expect(await archives()).toEqual([]);
      await expectWorkIsThere();
      await sidecar.start();
      await expectWhole(unwrap(await archive(executor)).bundlePath);
    },
    PATIENCE_MS,
  );
});

async function openLocal(): Promise<ToolExecutor> {
  root = join(resources.use(await temporaryDirectory()).path, 'workspace');
  await makeWork();
  const { executor } = unwrap(await createLocalToolExecutor(root));
  resources.defer(() => executor.close());
  return executor;
}

async function openRemote(): Promise<{ executor: ToolExecutor; proxy: CuttingProxy; sidecar: TestSidecar }> {
  const sidecar = resources.use(await TestSidecar.start());
  root = sidecar.workspace;
  await makeWork();
  const proxy = resources.use(await CuttingProxy.start(sidecar.port));
  const executor = await executorOn(proxy.port);
  resources.defer(() => executor.close());
  return { executor, proxy, sidecar };
}
