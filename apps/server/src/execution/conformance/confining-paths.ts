import type { CallOptions, OperationError, Result } from '@shadow/protocol';
import { unwrap } from '@shadow/protocol';
import { describe, expect, it } from 'vitest';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import { chunksOf, exists, expectFailure, textOf } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

type Outcome = { success: true } | { success: false; error: OperationError };
type CallWithPath = (executor: ToolExecutor, path: string, options?: CallOptions) => Promise<Outcome>;

/** Every operation that takes a path, with the path where it belongs. */
const CALLS: Record<string, CallWithPath> = {
  readFile: (executor, path, options) => executor.readFile({ path }, options),
  writeFile: (executor, path, options) => executor.writeFile({ path, content: 'x' }, options),
  deleteFile: (executor, path, options) => executor.deleteFile({ path }, options),
  searchReplace: (executor, path, options) =>
    executor.searchReplace({ path, oldText: 'a', newText: 'b' }, options),
  listDirectory: (executor, path, options) => executor.listDirectory({ path }, options),
  statFile: (executor, path, options) => executor.statFile({ path }, options),
  'moveFile from': (executor, path, options) => executor.moveFile({ from: path, to: 'moved-away' }, options),
  'moveFile to': (executor, path, options) => executor.moveFile({ from: 'source', to: path }, options),
  makeDirectory: (executor, path, options) => executor.makeDirectory({ path }, options),
  uploadFile: (executor, path, options) => executor.uploadFile({ path }, chunksOf('x'), options),
  downloadFile: (executor, path, options) => executor.downloadFile({ path }, options),
  searchFiles: (executor, path, options) => executor.searchFiles({ query: 'x', path }, options),
  grepSearch: (executor, path, options) => executor.grepSearch({ pattern: 'x', path }, options),
  executeCommand: (executor, path, options) =>
    executor.executeCommand({ command: 'true', cwd: path }, options),
};
const EVERY = Object.entries(CALLS);
const WRITING = EVERY.filter(([name]) =>
  /^(writeFile|deleteFile|moveFile|makeDirectory|uploadFile)/.test(name),
);

/** Nothing leads out of the workspace, whatever the path looks like. */
export function confiningPaths(shared: SharedSubject): void {
  describe.each(EVERY)('%s', (_name, call) => {
    it('refuses a path that climbs out: PATH_OUTSIDE_WORKSPACE', async () => {
      await shared.seed.file('source', 'x');
      expectFailure(await call(shared.executor, '../outside'), 'PATH_OUTSIDE_WORKSPACE');
    });

    it('refuses an absolute path elsewhere: PATH_OUTSIDE_WORKSPACE', async () => {
      await shared.seed.file('source', 'x');
      expectFailure(await call(shared.executor, '/etc/passwd'), 'PATH_OUTSIDE_WORKSPACE');
    });

    it('refuses a symbolic link on the way that leads out: PATH_OUTSIDE_WORKSPACE', async () => {
      await shared.seed.file('source', 'x');
      const at = await shared.place();
      await shared.seed.link(`${at}/out`, '../../..');
      expectFailure(await call(shared.executor, `${at}/out/etc`), 'PATH_OUTSIDE_WORKSPACE');
    });

    it('refuses a NUL in the path: VALIDATION_FAILED', async () => {
      expectFailure(await call(shared.executor, 'a\0b'), 'VALIDATION_FAILED');
    });

    it('refuses an empty path: VALIDATION_FAILED', async () => {
      expectFailure(await call(shared.executor, ''), 'VALIDATION_FAILED');
    });

    it('does nothing once its signal is aborted: CANCELLED', async () => {
      const signal = AbortSignal.abort();
      expectFailure(await call(shared.executor, 'source', { signal }), 'CANCELLED');
    });
  });

  describe.each(WRITING)('%s', (_name, call) => {
    it.each(['.git', 'sub/.git/config', 'sub/.git/hooks/pre-commit', '.GIT/config'])(
      'never changes %s: PERMISSION_DENIED',
      async (path) => {
        await shared.seed.file('source', 'x');
        await shared.seed.directory('sub/.git/hooks');
        await shared.seed.directory('.GIT');
        expectFailure(await call(shared.executor, path), 'PERMISSION_DENIED');
      },
    );
  });
  spelling(shared);
  links(shared);
}

function spelling(shared: SharedSubject): void {
  it('resolves dots that stay inside and names the place they lead to', async () => {
    const at = await shared.place({ 'a/f': 'x' });
    const read = unwrap(await shared.executor.readFile({ path: `./${at}/b/../a//./f`.replace('b/../', '') }));
    expect(read.path).toBe(`${at}/a/f`);
    const climbed = unwrap(await shared.executor.readFile({ path: `${at}/a/../a/f` }));
    expect(climbed.path).toBe(`${at}/a/f`);
  });

  it('takes an absolute path inside the workspace', async () => {
    const at = await shared.place({ f: 'x' });
    const read = unwrap(await shared.executor.readFile({ path: `${shared.root}/${at}/f` }));
    expect(read).toMatchObject({ path: `${at}/f`, content: 'x' });
  });

  it('does not take a sibling of the workspace for a part of it', async () => {
    expectFailure(
      await shared.executor.readFile({ path: `${shared.root}-other/f` }),
      'PATH_OUTSIDE_WORKSPACE',
    );
  });

  it('refuses a name that is longer than file systems allow: PATH_INVALID', async () => {
    expectFailure(await shared.executor.writeFile({ path: 'x'.repeat(300), content: '' }), 'PATH_INVALID');
  });

  it('refuses a path beyond 4,096 characters: VALIDATION_FAILED', async () => {
    const path = 'x/'.repeat(2100);
    expectFailure(await shared.executor.readFile({ path }), 'VALIDATION_FAILED');
  });

  it('works a hundred directories deep', async () => {
    const path = `${shared.freshName()}/${'d/'.repeat(100)}f`;
    unwrap(await shared.executor.writeFile({ path, content: 'deep' }));
    expect(await textOf(shared, path)).toBe('deep');
  });
}

function links(shared: SharedSubject): void {
  it('follows a chain of links that stays inside', async () => {
    const at = await shared.place({ 'd/f': 'x' });
    await shared.seed.link(`${at}/one`, 'two');
    await shared.seed.link(`${at}/two`, './d/../d');
    const read = unwrap(await shared.executor.readFile({ path: `${at}/one/f` }));
    expect(read).toMatchObject({ path: `${at}/one/f`, content: 'x' });
  });

  it('refuses a link that names itself: PATH_INVALID', async () => {
    const at = await shared.place();
    await shared.seed.link(`${at}/loop`, 'loop');
    expectFailure(await shared.executor.readFile({ path: `${at}/loop` }), 'PATH_INVALID');
  });

  it('takes a dangling link for a file that does not exist: FILE_NOT_FOUND', async () => {
    const at = await shared.place();
    await shared.seed.link(`${at}/dangling`, 'nowhere');
    expectFailure(await shared.executor.readFile({ path: `${at}/dangling` }), 'FILE_NOT_FOUND');
  });

  it.each(['/etc/passwd', '../../../../../../etc/passwd'])(
    'refuses to read through a link to %s: PATH_OUTSIDE_WORKSPACE',
    async (target) => {
      const at = await shared.place();
      await shared.seed.link(`${at}/leak`, target);
      expectFailure(await shared.executor.readFile({ path: `${at}/leak` }), 'PATH_OUTSIDE_WORKSPACE');
    },
  );

  it('refuses to write through a link that leads out: PATH_OUTSIDE_WORKSPACE', async () => {
    const at = await shared.place();
    await shared.seed.link(`${at}/leak`, '../../escaped-from-conformance');
    const result: Result<object> = await shared.executor.writeFile({ path: `${at}/leak`, content: 'x' });
    expectFailure(result, 'PATH_OUTSIDE_WORKSPACE');
    expect(await exists(shared, `${at}/leak`)).toBe(true);
  });

  it('says nothing of where a refused link leads', async () => {
    const at = await shared.place();
    await shared.seed.link(`${at}/leak`, '/etc/secret-place');
    const error = expectFailure(
      await shared.executor.readFile({ path: `${at}/leak` }),
      'PATH_OUTSIDE_WORKSPACE',
    );
    expect(JSON.stringify(error)).not.toContain('secret-place');
  });
}
