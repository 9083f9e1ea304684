import { type FsChange, unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { until } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

type Change = FsChange['changes'][number];

/** `watch`: changes in batches until the signal aborts. */
export function watchingFiles(shared: SharedSubject): void {
  it('tells of files that are created, modified and deleted', async () => {
    const at = await shared.place({ old: 'x', gone: 'x' });
    const watched = await watching(shared, at);
    await shared.seed.file(`${at}/new`, 'x');
    await watched.until({ path: `${at}/new`, kind: 'created' });
    unwrap(await shared.executor.writeFile({ path: `${at}/old`, content: 'y' }));
    await watched.untilAny(`${at}/old`, ['modified', 'created']);
    unwrap(await shared.executor.deleteFile({ path: `${at}/gone` }));
    await watched.until({ path: `${at}/gone`, kind: 'deleted' });
    await watched.end();
  });

  it('says nothing of what git ignores nor of files that are being written', async () => {
    const at = await shared.place({ '.gitignore': '*.log\n' });
    const watched = await watching(shared, at);
    await shared.seed.file(`${at}/x.log`, 'x');
    unwrap(await shared.executor.writeFile({ path: `${at}/marker`, content: 'x' }));
    await watched.untilAny(`${at}/marker`, ['created', 'modified']);
    const other = watched.seen.filter(
      ({ path }) => !/\/(marker|ready\d*|\.gitignore)$/.test(path) && path.startsWith(`${at}/`),
    );
    expect(other).toEqual([]);
    await watched.end();
  });

  it('ends when its signal aborts', async () => {
    const at = await shared.place();
    const watched = await watching(shared, at);
    await watched.end();
  });

  it('yields nothing when its signal has aborted before', async () => {
    const batches = [];
    for await (const batch of shared.executor.watch({ signal: AbortSignal.abort() })) batches.push(batch);
    expect(batches).toEqual([]);
  });
}

interface Watched {
  readonly seen: Change[];
  until(change: Change): Promise<void>;
  untilAny(path: string, kinds: Change['kind'][]): Promise<void>;
  end(): Promise<void>;
}

/** Watches, and returns once changes are certain to be seen. */
async function watching(shared: SharedSubject, at: string): Promise<Watched> {
  const abort = new AbortController();
  const seen: Change[] = [];
  const reading = (async () => {
    for await (const { changes } of shared.executor.watch({ signal: abort.signal })) seen.push(...changes);
  })();
  let touched = 0;
  await until(async () => {
    touched += 1;
    await shared.seed.file(`${at}/ready${touched}`, 'x');
    await new Promise((resolve) => setTimeout(resolve, 40));
    return seen.some(({ path }) => path.startsWith(`${at}/ready`));
  }, 'the first change');
  const untilAny = (path: string, kinds: Change['kind'][]) =>
    until(
      () => seen.some((change) => change.path === path && kinds.includes(change.kind)),
      `a change of ${path}`,
    );
  return {
    seen,
    untilAny,
    until: ({ path, kind }) => untilAny(path, [kind]),
    async end() {
      abort.abort();
      await reading;
    },
  };
}
