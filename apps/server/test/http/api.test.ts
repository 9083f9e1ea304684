import { ErrorBody, endpoints } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestDatabase, type TestDatabase } from '../access/support/database.ts';
import { startServer, type TestServer } from './support/server.ts';

let database: TestDatabase;
let server: TestServer;
let cookie: string;
let userId: string;

beforeAll(async () => {
  database = await openTestDatabase();
  server = await startServer(database.prisma);
  cookie = await server.signIn();
  userId = endpoints.getMe.response.parse(await (await call('GET', '/me')).json()).user.id;
  server.tasks.add(userId, 'own');
  server.tasks.add('somebody-else', 'foreign');
});
afterAll(async () => {
  await server?.close();
  await database?.close();
});

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  return fetch(`${server.url}/api${path}`, {
    method,
    headers: {
      cookie,
      origin: server.origin,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

async function errorOf(response: Response) {
  return { status: response.status, ...ErrorBody.parse(await response.json()).error };
}

describe('tasks over HTTP', () => {
  it('are created from the parsed body', async () => {
    const response = await call('POST', '/tasks', { repository: ' sample ', prompt: ' mend it ' });
    expect(response.status).toBe(201);
    expect(endpoints.createTask.response.parse(await response.json()).repository).toBe('sample');
    expect(server.tasks.calls).toContainEqual([
      'create',
      userId,
      { repository: 'sample', prompt: 'mend it' },
    ]);
  });

  it('are listed with parsed query parameters', async () => {
    const response = await call('GET', '/tasks?limit=7&includeArchived=true&status=running');
    expect(endpoints.listTasks.response.parse(await response.json()).tasks.map(({ id }) => id)).toContain(
      'own',
    );
    const query = { limit: 7, includeArchived: true, status: 'running' };
    expect(server.tasks.calls).toContainEqual(['list', userId, query]);
  });

  it.each([
    ['get', '/tasks/own', 200, undefined],
    ['post', '/tasks/own/stop', 200, ['stop']],
    ['post', '/tasks/own/retry', 202, ['retry']],
    ['post', '/tasks/own/archive', 200, ['archive']],
    ['get', '/tasks/own/messages', 200, ['messages']],
    ['get', '/tasks/own/executions', 200, ['executions']],
    ['get', '/tasks/own/init-steps', 200, ['initSteps']],
    ['get', '/tasks/own/tool-calls', 200, ['toolCalls']],
    ['get', '/tasks/own/approvals', 200, ['approvals']],
    ['get', '/tasks/own/diff?contextLines=5', 200, ['diff', { contextLines: 5 }]],
    ['get', '/tasks/own/events?afterSeq=0', 200, ['events', { afterSeq: 0, limit: 1000 }]],
    ['delete', '/tasks/own?discardWork=true', 204, ['delete', { discardWork: true }]],
    [
      'get',
      '/tasks/own/processes/p1/output?fromOffset=9',
      200,
      ['readOutput', 'p1', { fromOffset: 9, maxBytes: 262_144 }],
    ],
  ])('%s %s answers %i', async (method, path, status, expected) => {
    const response = await call(method.toUpperCase(), path);
    expect(response.status).toBe(status);
    if (status === 204) expect(await response.text()).toBe('');
    if (expected === undefined) return;
    const [name, ...rest] = expected;
    expect(server.tasks.calls.at(-1)).toEqual([name, userId, 'own', ...rest]);
  });

  it('take a follow-up', async () => {
    const response = await call('POST', '/tasks/own/messages', { text: 'and now the tests' });
    expect(response.status).toBe(202);
    expect(server.tasks.calls.at(-1)).toEqual(['sendMessage', userId, 'own', 'and now the tests']);
  });

  it('pass on the error of the service under its status', async () => {
    expect(await errorOf(await call('GET', '/tasks/foreign'))).toMatchObject({
      status: 404,
      code: 'TASK_NOT_FOUND',
    });
    const answer = await call('POST', '/tasks/own/approvals/a1', { decision: 'deny', note: ' no ' });
    expect(await errorOf(answer)).toMatchObject({ status: 404, code: 'APPROVAL_NOT_FOUND' });
    const args = ['answerApproval', userId, 'own', 'a1', { decision: 'deny', note: 'no' }];
    expect(server.tasks.calls.at(-1)).toEqual(args);
  });
});

describe('bad requests', () => {
  it('name every field that is wrong', async () => {
    const error = await errorOf(await call('POST', '/tasks', { repository: 7, prompt: '', budgetUsd: -1 }));
    expect(error).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    expect(error.details?.issues).toMatchObject([
      { path: 'body.repository' },
      { path: 'body.prompt', message: 'say what you want done' },
      { path: 'body.budgetUsd' },
    ]);
  });

  it('name wrong query and path parameters', async () => {
    const query = await errorOf(await call('GET', '/tasks?limit=0'));
    expect(query.details?.issues).toMatchObject([{ path: 'query.limit' }]);
    const path = await errorOf(await call('PUT', '/providers/nobody', {}));
    expect(path.details?.issues).toMatchObject([{ path: 'path.provider' }]);
  });

  it.each([300_000, 1_048_576, 6_000_000, 12_000_000])(
    'of %i bytes of prompt say that it is too large',
    async (length) => {
      const response = await call('POST', '/tasks', { repository: 'sample', prompt: 'x'.repeat(length) });
      const error = await errorOf(response);
      expect(error).toMatchObject({ status: 413, code: 'PROMPT_TOO_LARGE' });
      expect(error.message).toContain('256 KiB');
    },
  );

  it('of 1 MB of escaped follow-up say that it is too large', async () => {
    const error = await errorOf(
      await call('POST', '/tasks/own/messages', { text: '\u0001'.repeat(1_000_000) }),
    );
    expect(error.code).toBe('PROMPT_TOO_LARGE');
  });

  it('with another large body say the limit', async () => {
    const error = await errorOf(await call('POST', '/api-keys', { name: 'x'.repeat(1_100_000) }));
    expect(error).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    expect(error.message).toContain('1024 KiB');
  });

  it.each([
    ['{"repository":', 'not valid JSON'],
    ['null', 'body'],
    ['[]', 'body'],
  ])('with the body %s are told so', async (body, words) => {
    const error = await errorOf(await call('POST', '/tasks', body));
    expect(error).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    expect(error.message).toContain(words);
  });

  it('that are no JSON are told what to send', async () => {
    const error = await errorOf(await call('POST', '/tasks', 'a=b', { 'content-type': 'text/plain' }));
    expect(error).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    expect(error.message).toContain('application/json');
  });

  it('to a broken path or an unknown encoding are told so', async () => {
    expect(await errorOf(await call('GET', '/tasks/%ff'))).toMatchObject({ code: 'VALIDATION_FAILED' });
    const encoded = await call('POST', '/tasks', '{}', { 'content-encoding': 'zip' });
    expect(await errorOf(encoded)).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('for what is not there get the same error shape', async () => {
    expect(await errorOf(await call('GET', '/nothing'))).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await errorOf(await call('PATCH', '/tasks'))).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('failures', () => {
  it('of ours hide what happened but name the request', async () => {
    const response = await call('GET', '/repositories/branches?repository=broken', undefined, {
      'x-request-id': 'my-request',
    });
    expect(response.headers.get('x-request-id')).toBe('my-request');
    const error = await errorOf(response);
    expect(error).toMatchObject({ status: 500, code: 'INTERNAL', details: { requestId: 'my-request' } });
    expect(JSON.stringify(error)).not.toContain('a bug');
    expect(server.lines.some((line) => line.includes('a bug') && line.includes('my-request'))).toBe(true);
  });

  it('of a provider keep its words', async () => {
    const error = await errorOf(await call('POST', '/providers/openai/test', {}));
    expect(error).toMatchObject({
      status: 502,
      code: 'PROVIDER_UNREACHABLE',
      message: 'nobody listens there',
    });
  });
});

describe('the rest of the API', () => {
  it('tells who is signed in', async () => {
    const me = endpoints.getMe.response.parse(await (await call('GET', '/me')).json());
    expect(me).toMatchObject({ version: '1.2.3', agentMode: 'local', capabilities: { pty: false } });
  });

  it('makes a one-time token that signs in, for the owner alone', async () => {
    const made = await call('POST', '/sign-in-tokens');
    expect(made.status).toBe(201);
    const { token } = endpoints.createSignInToken.response.parse(await made.json());
    const signIn = (body: object) =>
      fetch(`${server.url}/api/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await signIn({ token })).status).toBe(200);
    expect((await signIn({ token })).status).toBe(401);
    await database.prisma.user.updateMany({ data: { role: 'member' } });
    try {
      expect(await errorOf(await call('POST', '/sign-in-tokens'))).toMatchObject({ code: 'FORBIDDEN' });
    } finally {
      await database.prisma.user.updateMany({ data: { role: 'owner' } });
    }
  });

  it('makes, lists and revokes API keys', async () => {
    const made = await call('POST', '/api-keys', { name: 'ci', expiresInDays: 3 });
    expect(made.status).toBe(201);
    const { key, apiKey } = endpoints.createApiKey.response.parse(await made.json());
    const listed = await fetch(`${server.url}/api/api-keys`, { headers: { 'x-api-key': key } });
    expect(endpoints.listApiKeys.response.parse(await listed.json()).apiKeys).toContainEqual(apiKey);
    expect((await call('DELETE', `/api-keys/${apiKey.id}`)).status).toBe(204);
    expect((await fetch(`${server.url}/api/me`, { headers: { 'x-api-key': key } })).status).toBe(401);
    expect(await errorOf(await call('DELETE', `/api-keys/${apiKey.id}`))).toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('answers about models, providers and repositories', async () => {
    expect(await (await call('GET', '/models')).json()).toEqual({
      models: [],
      defaultModel: 'scripted/demo',
    });
    expect(await (await call('GET', '/providers')).json()).toEqual({ providers: [] });
    const stored = await call('PUT', '/providers/openai', { apiKey: 'k' });
    expect(await stored.json()).toMatchObject({ provider: 'openai', keySource: 'stored' });
    expect((await call('DELETE', '/providers/openai')).status).toBe(204);
    expect(await (await call('GET', '/repositories')).json()).toMatchObject({
      repositories: [{ kind: 'sample' }],
    });
    const branches = await call('GET', '/repositories/branches?repository=%2Fsrv%2Fx');
    expect(await branches.json()).toEqual({ defaultBranch: 'main', branches: ['main', '/srv/x'] });
  });

  it('is never cached', async () => {
    expect((await call('GET', '/tasks')).headers.get('cache-control')).toBe('no-store');
  });

  it('counts requests by operation', async () => {
    const response = await fetch(`${server.url}/metrics`, { headers: { cookie } });
    expect(await response.text()).toMatch(
      /shadow_http_request_duration_seconds_count\{operation="createTask"/,
    );
  });

  it('ends a session for good', async () => {
    const other = await server.signIn();
    const out = await call('POST', '/sign-out', undefined, { cookie: other });
    expect(out.status).toBe(204);
    expect(out.headers.getSetCookie().join()).toContain('Max-Age=0');
    expect((await call('GET', '/me', undefined, { cookie: other })).status).toBe(401);
  });
});

describe('the log', () => {
  it('has neither bodies, queries nor credentials', async () => {
    await call('GET', '/repositories/branches?repository=https://u:query-secret@example.com/x');
    await call('POST', '/tasks', { repository: 'sample', prompt: 'body-secret' });
    await call('PUT', '/providers/openai', { apiKey: 'provider-secret' });
    const log = server.lines.join('');
    expect(log).toContain('/api/providers/openai');
    for (const secret of ['query-secret', 'body-secret', 'provider-secret', cookie.split('=')[1] ?? '']) {
      expect(log).not.toContain(secret);
    }
  });
});
