import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnswerStore } from '../src/idempotency/answer-store.ts';
import { makePlace, type Place, type Served, startInProcess, TOKEN, until } from './support/sidecar.ts';

let place: Place;
let sidecar: Served & { close(): Promise<void> };

beforeAll(async () => {
  place = makePlace();
  sidecar = await startInProcess(place);
});

afterAll(async () => {
  await sidecar.close();
  await place.remove();
});

const file = (name: string) => join(place.workspace, name);

describe('a keyed mutation', () => {
  it('answers a repeat as the first time, without doing it again', async () => {
    writeFileSync(file('counted'), 'a');
    const replace = () =>
      sidecar.call('POST', '/api/files/search-replace', {
        key: 'replace',
        json: { path: 'counted', oldText: 'a', newText: 'aa' },
      });
    const first = await (await replace()).json();
    expect(await (await replace()).json()).toEqual(first);
    expect(readFileSync(file('counted'), 'utf8')).toBe('aa');
  });

  it('runs once when many ask at the same time', async () => {
    writeFileSync(file('raced'), '1');
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const json = { path: 'raced', oldText: '1', newText: '11' };
        return (await sidecar.call('POST', '/api/files/search-replace', { key: 'raced', json })).json();
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(readFileSync(file('raced'), 'utf8')).toBe('11');
  });

  it('is refused when the key belongs to another request', async () => {
    const write = (json: object) => sidecar.call('POST', '/api/files/write', { key: 'mine', json });
    await write({ path: 'mine', content: 'a' });
    const other = await write({ path: 'mine', content: 'b' });
    expect([other.status, await other.json()]).toMatchObject([
      409,
      { error: { code: 'IDEMPOTENCY_MISMATCH' } },
    ]);
    const elsewhere = await sidecar.call('POST', '/api/files/mkdir', { key: 'mine', json: { path: 'mine' } });
    expect(elsewhere.status).toBe(409);
  });

  it('remembers a failure that would come again', async () => {
    const move = () =>
      sidecar.call('POST', '/api/files/move', { key: 'move', json: { from: 'later', to: 'moved' } });
    expect((await move()).status).toBe(404);
    writeFileSync(file('later'), '');
    expect((await move()).status).toBe(404);
  });

  it('tells uploads apart by their bytes', async () => {
    const upload = (body: string) => sidecar.call('PUT', '/api/files/content?path=up', { key: 'up', body });
    const first = await (await upload('bytes')).json();
    expect(first).toMatchObject({ created: true, size: 5 });
    expect(await (await upload('bytes')).json()).toEqual(first);
    expect((await upload('other')).status).toBe(409);
  });

  it('is done once its reader has enough, when the end of its body comes later', async () => {
    const own = makePlace();
    const process = await startInProcess(own);
    try {
      const git = (...args: string[]) =>
        execFileSync('git', ['-C', own.directory, ...args], { encoding: 'utf8' }).trim();
      git('init', '--quiet', '--initial-branch=main', 'source');
      const author = ['-c', 'user.name=a', '-c', 'user.email=a@localhost'];
      git('-C', 'source', ...author, 'commit', '--quiet', '--allow-empty', '--message=one');
      git('-C', 'source', 'bundle', 'create', '--quiet', join(own.directory, 'bundle'), '--branches');
      const commit = git('-C', 'source', 'rev-parse', 'HEAD');
      const bundle = readFileSync(join(own.directory, 'bundle'));
      const query = new URLSearchParams({ branch: 'work', base: 'main', commit, originUrl: '/source' });
      const restore = async (end: Promise<void>) => {
        const body = (async function* () {
          yield bundle;
          await end;
        })();
        const headers = { authorization: `Bearer ${TOKEN}`, 'idempotency-key': 'restore' };
        const request = { method: 'PUT', headers, body, duplex: 'half' } as const;
        const answer = await fetch(`${process.url}/api/git/bundle?${query}`, request);
        return { status: answer.status, body: await answer.json() };
      };
      const isCloned = () => existsSync(join(own.workspace, '.git', 'config')) && /base = /.test(config());
      const config = () => readFileSync(join(own.workspace, '.git', 'config'), 'utf8');
      const first = await restore(until(isCloned, 'the end of git'));
      expect(first).toMatchObject({ status: 200, body: { baseCommit: commit } });
      expect(await restore(Promise.resolve())).toEqual(first);
    } finally {
      await process.close();
      await own.remove();
    }
  });

  it('is remembered by the next process', async () => {
    const own = makePlace();
    const json = { path: 'kept' };
    const ask = async () => {
      const process = await startInProcess(own);
      try {
        return await (await process.call('POST', '/api/files/mkdir', { key: 'kept', json })).json();
      } finally {
        await process.close();
      }
    };
    try {
      expect(await ask()).toMatchObject({ created: true });
      rmSync(join(own.workspace, 'kept'), { recursive: true });
      expect(await ask()).toMatchObject({ created: true });
    } finally {
      await own.remove();
    }
  });
});

describe('remembered answers', () => {
  const call = (key: string, converges: boolean, run: () => unknown) => ({
    key,
    converges,
    fingerprint: async () => 'same',
    run: async () => ({ status: 200, body: await run(), remember: true }),
  });

  it('are bounded in number and age', async () => {
    const own = makePlace();
    try {
      const directory = join(own.directory, 'answers');
      const store = await AnswerStore.open({ directory, maxAgeMs: 60_000, maxAnswers: 2 });
      let runs = 0;
      for (const key of ['a', 'b', 'c', 'a']) await store.once(call(key, false, () => ++runs));
      expect(runs).toBe(4);
      const expired = await AnswerStore.open({ directory, maxAgeMs: -1, maxAnswers: 2 });
      await expired.once(call('a', false, () => ++runs));
      expect(runs).toBe(5);
    } finally {
      await own.remove();
    }
  });

  it('say so when nobody knows whether a call that a crash cut off took effect', async () => {
    const own = makePlace();
    try {
      const options = { directory: join(own.directory, 'answers'), maxAgeMs: 60_000, maxAnswers: 10 };
      const crashed = await AnswerStore.open(options);
      void crashed.once(call('cut', false, () => new Promise(() => {})));
      await new Promise<void>((resolve) => {
        void crashed.once(call('other', false, () => resolve()));
      });
      const next = await AnswerStore.open(options);
      await expect(next.once(call('cut', false, () => 'again'))).rejects.toMatchObject({
        code: 'STREAM_INTERRUPTED',
        retryable: false,
      });
      expect(await next.once(call('cut', true, () => 'again'))).toMatchObject({ body: 'again' });
    } finally {
      await own.remove();
    }
  });

  it('forget a call that threw', async () => {
    const own = makePlace();
    try {
      const options = { directory: join(own.directory, 'answers'), maxAgeMs: 60_000, maxAnswers: 10 };
      const store = await AnswerStore.open(options);
      const failing = call('k', false, () => Promise.reject(new Error('no')));
      await expect(store.once(failing)).rejects.toThrow('no');
      expect(await store.once(call('k', false, () => 'yes'))).toEqual({ status: 200, body: 'yes' });
    } finally {
      await own.remove();
    }
  });
});
