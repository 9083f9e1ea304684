import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type SidecarEndpoint, sidecarEndpoints } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePlace, type Place, type Served, startInProcess, until } from './support/sidecar.ts';

let place: Place;
let sidecar: Served & { close(): Promise<void> };

beforeAll(async () => {
  place = makePlace({
    SIDECAR_MAX_BODY_BYTES: '65536',
    SIDECAR_MAX_UPLOAD_BYTES: '1000000',
    SIDECAR_MAX_STREAMS: '2',
    SIDECAR_HEADERS_TIMEOUT_MS: '300',
    SIDECAR_BODY_IDLE_MS: '300',
  });
  sidecar = await startInProcess(place);
});

afterAll(async () => {
  await sidecar.close();
  await place.remove();
});

const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string } }).error.code;

describe('the token', () => {
  const closed = Object.values<SidecarEndpoint>(sidecarEndpoints).filter((endpoint) => !endpoint.public);

  it.each(closed.map((endpoint) => [endpoint.operationId, endpoint] as const))(
    'is needed for %s',
    async (_name, endpoint) => {
      const path = endpoint.path.replace(':processId', 'some');
      const method = endpoint.method.toUpperCase();
      const without = await sidecar.call(method, path, { token: null });
      expect([without.status, await errorOf(without)]).toEqual([401, 'UNAUTHENTICATED']);
      expect(without.headers.get('www-authenticate')).toBe('Bearer');
      const wrong = await sidecar.call(method, path, { token: 'a-token-for-tests-onlx' });
      expect([wrong.status, await errorOf(wrong)]).toEqual([401, 'TOKEN_INVALID']);
    },
  );

  it.each(['', 'a', 'x'.repeat(5000), 'Bearer'])('refuses %j', async (token) => {
    expect((await sidecar.call('GET', '/api/execute', { token })).status).toBe(401);
  });

  it('is not needed for health, which says nothing but yes', async () => {
    const live = await sidecar.call('GET', '/health/live', { token: null });
    expect(await live.json()).toEqual({ status: 'ok' });
    const ready = await sidecar.call('GET', '/health/ready', { token: null });
    expect(await ready.json()).toEqual({ status: 'ready' });
  });

  it('refuses a body without reading it', async () => {
    const response = await sidecar.call('PUT', '/api/files/content?path=big', {
      token: null,
      body: Buffer.alloc(900_000),
    });
    expect(response.status).toBe(401);
  });
});

describe('files and search', () => {
  it('writes, reads, replaces, lists, moves and deletes', async () => {
    const post = async (path: string, json: unknown) =>
      (await sidecar.call('POST', `/api/files/${path}`, { json })).json();
    expect(await post('write', { path: 'dir/a.txt', content: 'one two\n' })).toMatchObject({ created: true });
    expect(await post('read', { path: 'dir/a.txt' })).toMatchObject({ content: 'one two\n', totalLines: 1 });
    expect(await post('search-replace', { path: 'dir/a.txt', oldText: 'two', newText: '$&' })).toMatchObject({
      replacements: 1,
    });
    expect(await post('mkdir', { path: 'made' })).toMatchObject({ created: true });
    expect(await post('move', { from: 'dir/a.txt', to: 'made/b.txt' })).toMatchObject({ to: 'made/b.txt' });
    expect(await post('stat', { path: 'made/b.txt' })).toMatchObject({ kind: 'file', size: 7 });
    expect(await post('list', { path: 'made' })).toMatchObject({ entries: [{ path: 'made/b.txt' }] });
    expect(readFileSync(join(place.workspace, 'made/b.txt'), 'utf8')).toBe('one $&\n');
    expect(await post('delete', { path: 'made', recursive: true })).toEqual({ path: 'made' });
  });

  it('finds by name, by pattern and by question', async () => {
    writeFileSync(join(place.workspace, 'needle.ts'), 'export function findNeedle() { return 42; }\n');
    const search = async (path: string, json: unknown) =>
      (await sidecar.call('POST', `/api/search/${path}`, { json })).json();
    expect(await search('files', { query: 'needle' })).toMatchObject({ paths: ['needle.ts'] });
    expect(await search('grep', { pattern: 'findNeedle' })).toMatchObject({ matches: [{ line: 1 }] });
    expect(await search('codebase', { query: 'findNeedle' })).toHaveProperty('snippets');
  });

  it('takes and gives bytes, whole and in part', async () => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 256));
    const put = await sidecar.call('PUT', '/api/files/content?path=bin%20%C3%A4', { body: bytes });
    expect(await put.json()).toMatchObject({ size: 200_000, created: true });
    const got = await sidecar.call('GET', '/api/files/content?path=bin%20%C3%A4');
    expect(got.headers.get('x-file-path')).toBe('bin%20%C3%A4');
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await sidecar.call('GET', '/api/files/content?path=bin%20%C3%A4&offset=199990&length=100');
    expect(part.headers.get('content-length')).toBe('10');
    expect(part.headers.get('x-file-size')).toBe('200000');
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(199_990))).toBe(true);
  });

  it.each([
    ['../outside', 403, 'PATH_OUTSIDE_WORKSPACE'],
    ['missing', 404, 'FILE_NOT_FOUND'],
    ['nul\0byte', 400, 'VALIDATION_FAILED'],
  ])('answers for %j with its code', async (path, status, code) => {
    const response = await sidecar.call('POST', '/api/files/read', { json: { path } });
    expect([response.status, await errorOf(response)]).toEqual([status, code]);
  });
});

describe('git', () => {
  it('shows and makes changes', async () => {
    const repository = makePlace();
    mkdirSync(join(repository.workspace, 'src'));
    writeFileSync(join(repository.workspace, 'src/a.txt'), 'a\n');
    execFileSync('git', ['init', '-q', '-b', 'main'], { cwd: repository.workspace });
    const own = await startInProcess(repository);
    try {
      const post = async (path: string, json: unknown) =>
        (await own.call('POST', `/api/git/${path}`, { json })).json();
      expect(await (await own.call('GET', '/api/git/status')).json()).toMatchObject({ clean: false });
      const author = { name: 'Å', email: 'a@example.com' };
      expect(await post('commit', { message: 'first', author })).toMatchObject({ filesChanged: 1 });
      writeFileSync(join(repository.workspace, 'src/a.txt'), 'b\n');
      expect(await post('diff', {})).toMatchObject({ additions: 1, deletions: 1 });
      expect(await post('log', {})).toMatchObject({ commits: [{ subject: 'first', authorName: 'Å' }] });
      expect(await post('checkout', { branch: 'other', createFrom: 'HEAD' })).toMatchObject({
        branch: 'other',
      });
    } finally {
      await own.close();
      await repository.remove();
    }
  });
});

describe('what it is', () => {
  it('describes every endpoint', async () => {
    const description = (await (await sidecar.call('GET', '/api/openapi.json')).json()) as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const described = Object.values(description.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(described.sort()).toEqual(Object.keys(sidecarEndpoints).sort());
  });

  it('says what it can do, and measures', async () => {
    expect(await (await sidecar.call('GET', '/api/capabilities')).json()).toMatchObject({
      raceSafePaths: true,
    });
    expect(await (await sidecar.call('GET', '/metrics')).text()).toContain(
      'shadow_sidecar_request_duration_seconds_count{operation="getCapabilities",status="200"}',
    );
  });
});

describe('limits', () => {
  it.each([
    ['POST', '/api/files/write', { json: { path: 'x', content: 'x'.repeat(70_000) } }],
    ['PUT', '/api/files/content?path=x', { body: Buffer.alloc(1_000_001) }],
  ])('refuses a body that is too large (%s %s)', async (method, path, options) => {
    const response = await sidecar.call(method, path, options);
    expect([response.status, await errorOf(response)]).toEqual([413, 'FILE_TOO_LARGE']);
  });

  it.each([
    ['not JSON', { body: '{', headers: { 'content-type': 'application/json' } }],
    ['another type', { body: 'path=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['a wrong field', { json: { path: 7 } }],
    ['a bad key', { json: { path: 'x', content: '' }, key: 'with space' }],
    ['a compressed body of no known kind', { json: {}, headers: { 'content-encoding': 'nonsense' } }],
  ])('refuses %s', async (_what, options) => {
    const response = await sidecar.call('POST', '/api/files/write', options);
    expect([response.status, await errorOf(response)]).toEqual([400, 'VALIDATION_FAILED']);
  });

  it('knows no other paths', async () => {
    expect((await sidecar.call('GET', '/api/nothing')).status).toBe(404);
  });

  it('refuses streams beyond its number, and takes them again afterwards', async () => {
    const gone = new AbortController();
    const open = () => sidecar.call('GET', '/api/files/watch', { signal: gone.signal });
    await Promise.all([open(), open()]);
    const refused = await open();
    expect([refused.status, await errorOf(refused)]).toEqual([429, 'RESOURCE_LIMIT']);
    gone.abort();
    await until(async () => {
      const again = new AbortController();
      const { status } = await sidecar.call('GET', '/api/files/watch', { signal: again.signal });
      again.abort();
      return status === 200;
    }, 'a free stream');
  });

  it('refuses more requests a second than it should take', async () => {
    const small = makePlace({ SIDECAR_RATE_PER_SECOND: '3' });
    const own = await startInProcess(small);
    try {
      const answers = await Promise.all(Array.from({ length: 12 }, () => own.call('GET', '/api/execute')));
      expect(answers.map(({ status }) => status)).toContain(429);
    } finally {
      await own.close();
      await small.remove();
    }
  });
});

describe('slow senders', () => {
  const closeOf = (text: string) =>
    new Promise<string>((resolve) => {
      let answer = '';
      const socket = connect(Number(new URL(sidecar.url).port), '127.0.0.1', () => socket.write(text));
      socket.on('data', (data) => {
        answer += data.toString();
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(answer));
    });

  it('are cut off when the head of a request does not come to its end', async () => {
    expect(await closeOf('GET /api/execute HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toContain('408');
  });

  it.each(['POST /api/files/write', 'PUT /api/files/content?path=slow'])(
    'are cut off when a body stands still (%s)',
    async (line) => {
      const head = `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a-token-for-tests-only\r\n`;
      await closeOf(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"pa`);
      expect((await sidecar.call('GET', '/health/ready')).status).toBe(200);
      const stat = await sidecar.call('POST', '/api/files/stat', { json: { path: 'slow' } });
      expect(stat.status).toBe(404);
    },
  );
});
