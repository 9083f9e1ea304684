import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endpoints, ShadowError } from '@shadow/protocol';
import { afterEach, expect, it, vi } from 'vitest';
import { createApiClient } from '../src/index.ts';
import { AT } from './support/events.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Seen {
  method: string | undefined;
  url: string | undefined;
  apiKey: unknown;
  body: string;
}

async function serve(answer: (response: ServerResponse, request: IncomingMessage) => void) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    seen.push({ method: request.method, url: request.url, apiKey: request.headers['x-api-key'], body });
    answer(response, request);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** An address where nobody listens any more. */
async function closedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

function json(status: number, value: unknown) {
  return (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
}

async function errorOf(call: Promise<unknown>): Promise<ShadowError> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof ShadowError) return thrown;
  throw new Error('expected a ShadowError', { cause: thrown });
}

it('has a method for every endpoint', () => {
  const client = createApiClient({ baseUrl: '/shadow' });
  expect(Object.keys(client).sort()).toEqual(Object.keys(endpoints).sort());
});

it('puts parameters, query, body and key where the server reads them', async () => {
  const server = await serve(json(202, { messageId: 'm', executionId: 'e' }));
  const client = createApiClient({ baseUrl: `${server.url}/shadow/`, apiKey: 'key-1' });
  await client.sendMessage({ params: { taskId: 'a/b' }, body: { text: 'go on' } });
  const deletion = await serve((response) => response.writeHead(204).end());
  const other = createApiClient({ baseUrl: deletion.url });
  await other.deleteTask({ params: { taskId: 't' }, query: { discardWork: true } });
  expect(server.seen).toEqual([
    { method: 'POST', url: '/shadow/api/tasks/a%2Fb/messages', apiKey: 'key-1', body: '{"text":"go on"}' },
  ]);
  expect(deletion.seen).toEqual([
    { method: 'DELETE', url: '/api/tasks/t?discardWork=true', apiKey: undefined, body: '' },
  ]);
});

it('rebuilds errors by their code', async () => {
  const error = new ShadowError('BRANCH_NOT_FOUND', 'No branch "x".', { details: { branch: 'x' } });
  const server = await serve(json(404, { error: error.toOperationError() }));
  const thrown = await errorOf(createApiClient({ baseUrl: server.url }).getMe());
  expect(thrown.toOperationError()).toEqual(error.toOperationError());
});

it('tells when the session is over', async () => {
  const error = new ShadowError('UNAUTHENTICATED', 'Sign in first.');
  const server = await serve(json(401, { error: error.toOperationError() }));
  const onUnauthenticated = vi.fn();
  await errorOf(createApiClient({ baseUrl: server.url, onUnauthenticated }).getMe());
  expect(onUnauthenticated).toHaveBeenCalledOnce();
});

it('keeps the message of an error whose code only newer servers know', async () => {
  const server = await serve(
    json(503, { error: { code: 'NEW_CODE', message: 'Moved house.', retryable: true } }),
  );
  const thrown = await errorOf(createApiClient({ baseUrl: server.url }).getMe());
  expect([thrown.code, thrown.message]).toEqual(['UNAVAILABLE', 'Moved house.']);
});

it.each([
  [502, 'UNAVAILABLE'],
  [200, 'UNAVAILABLE'],
  [404, 'NOT_FOUND'],
  [401, 'UNAUTHENTICATED'],
])('makes of a page that is no JSON under status %i the error %s', async (status, code) => {
  const server = await serve((response) => response.writeHead(status).end('<html>proxy</html>'));
  const thrown = await errorOf(createApiClient({ baseUrl: server.url }).getMe());
  expect(thrown.code).toBe(code);
  expect(thrown.message).toContain('/api/me');
});

it('says UNAVAILABLE when nobody listens, when the answer breaks off and when it has the wrong shape', async () => {
  const gone = await errorOf(createApiClient({ baseUrl: await closedAddress() }).getHealth());
  expect(gone.code).toBe('UNAVAILABLE');
  expect(gone.message).toContain('ECONNREFUSED');
  const broken = await serve((response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{', () => response.destroy());
  });
  expect((await errorOf(createApiClient({ baseUrl: broken.url }).getHealth())).code).toBe('UNAVAILABLE');
  const strange = await serve(json(200, { status: 'splendid' }));
  const thrown = await errorOf(createApiClient({ baseUrl: strange.url }).getHealth());
  expect([thrown.code, thrown.retryable]).toEqual(['UNAVAILABLE', false]);
});

it('ends with CANCELLED when its signal is aborted', async () => {
  const abort = new AbortController();
  const server = await serve(() => abort.abort());
  const client = createApiClient({ baseUrl: server.url });
  expect((await errorOf(client.getMe({ signal: abort.signal }))).code).toBe('CANCELLED');
});

it('refuses an id that URL parsers would fold away', async () => {
  const client = createApiClient({ baseUrl: 'http://127.0.0.1:1' });
  expect((await errorOf(client.getTask({ params: { taskId: '..' } }))).code).toBe('VALIDATION_FAILED');
});

it('leaves unknown events out of a page and says where the next one starts', async () => {
  const notice = { type: 'notice', level: 'info', message: 'hello', seq: 1, at: AT };
  const server = await serve(json(200, { events: [notice, { type: 'new', seq: 2, at: AT }], hasMore: true }));
  const page = await createApiClient({ baseUrl: server.url }).listEvents({ params: { taskId: 't' } });
  expect(page).toEqual({ events: [notice], hasMore: true, lastSeq: 2 });
});
