import { type Endpoint, ErrorBody, endpoints } from '@shadow/protocol';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestDatabase, type TestDatabase } from '../access/support/database.ts';
import { type MountedRoute, mountedRoutes } from './support/routes.ts';
import { startServer, type TestServer } from './support/server.ts';

let database: TestDatabase;
let server: TestServer;
let routes: MountedRoute[];

beforeAll(async () => {
  database = await openTestDatabase();
  server = await startServer(database.prisma);
  routes = mountedRoutes(server.app);
});
afterAll(async () => {
  await server?.close();
  await database?.close();
});

const OPEN = new Set([
  'get /api/health',
  'post /api/sign-in',
  // The web build: static files that hold nothing of anybody.
  'get /index.html',
  'get /{*path}',
]);

function request({ method, path }: MountedRoute, init: RequestInit = {}) {
  const target = path.replaceAll(/:\w+/g, 'x').replace('/{*path}', '/anything');
  return fetch(`${server.url}${target}`, { method: method.toUpperCase(), ...init });
}

describe('without credentials', () => {
  it('every route but health, sign-in and the web build answers 401', async () => {
    const closed = routes.filter(({ method, path }) => !OPEN.has(`${method} ${path}`));
    expect(closed.length).toBeGreaterThan(30);
    for (const route of closed) {
      const response = await request(route);
      expect([route, response.status]).toEqual([route, 401]);
      expect(ErrorBody.parse(await response.json()).error.code).toBe('UNAUTHENTICATED');
    }
  });

  it('every endpoint of the table is mounted, and what is open is what the table calls public', () => {
    const mounted = new Set(routes.map(({ method, path }) => `${method} ${path}`));
    for (const endpoint of Object.values<Endpoint>(endpoints)) {
      const key = `${endpoint.method} /api${endpoint.path}`;
      expect([key, mounted.has(key)]).toEqual([key, true]);
      expect([key, OPEN.has(key)]).toEqual([key, endpoint.public]);
    }
  });

  it('OpenAPI, docs and metrics are among the closed routes', () => {
    const paths = routes.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['/api/openapi.json', '/api/docs', '/metrics']));
  });

  it.each([
    '/api/auth/get-session',
    '/api/auth/sign-in/email',
    '/api/auth/sign-up/email',
    '/api/auth/api-key/create',
    '/api/auth/api-key/verify',
    '/api/auth/ok',
    '/api/nothing',
  ])('%s tells nothing', async (path) => {
    for (const method of ['GET', 'POST']) {
      expect((await fetch(`${server.url}${path}`, { method })).status).toBe(401);
    }
  });

  it('the routes of the authentication library are not there with credentials either', async () => {
    const cookie = await server.signIn();
    for (const path of ['/api/auth/get-session', '/api/auth/api-key/list', '/api/auth/list-sessions']) {
      const response = await fetch(`${server.url}${path}`, { headers: { cookie } });
      expect(response.status).toBe(404);
    }
  });

  it.each(['GET', 'POST', 'PUT'])('%s with wrong credentials answers 401', async (method) => {
    for (const headers of [
      { cookie: 'shadow.session_token=abc' },
      { 'x-api-key': 'shadow_wrong' },
      { authorization: 'Bearer wrong' },
      { authorization: 'Basic YTpi' },
    ]) {
      const response = await fetch(`${server.url}/api/tasks`, {
        method,
        headers: new Headers(Object.entries(headers)),
      });
      expect(response.status).toBe(401);
    }
  });

  it.each(['polling', 'websocket'])('a socket over %s is refused', async (transport) => {
    const socket = io(server.origin, { transports: [transport], reconnection: false });
    const error = await new Promise<Error & { data?: unknown }>((resolve, reject) => {
      socket.once('connect_error', resolve);
      socket.once('connect', () => reject(new Error('connected')));
    });
    socket.close();
    expect(ErrorBody.parse(error.data).error.code).toBe('UNAUTHENTICATED');
  });
});

describe('another site', () => {
  const change = (headers: Record<string, string>) =>
    fetch(`${server.url}/api/api-keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ name: 'x' }),
    });

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1:1' },
    { origin: 'null' },
    {},
  ])('cannot change anything with a borrowed cookie: %j', async (headers) => {
    const response = await change({ cookie: await server.signIn(), ...headers });
    expect(response.status).toBe(403);
    expect(ErrorBody.parse(await response.json()).error.code).toBe('FORBIDDEN');
  });

  it('differs from our own pages', async () => {
    const cookie = await server.signIn();
    expect((await change({ cookie, origin: server.origin })).status).toBe(201);
    expect((await change({ cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(201);
  });

  it('differs from programs with a key, which send no origin', async () => {
    const made = await change({ cookie: await server.signIn(), origin: server.origin });
    const { key } = endpoints.createApiKey.response.parse(await made.json());
    expect((await change({ 'x-api-key': key })).status).toBe(201);
  });

  it('cannot sign anybody in', async () => {
    const response = await fetch(`${server.url}/api/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
      body: JSON.stringify({ token: await server.access.issueSignInToken() }),
    });
    expect(response.status).toBe(403);
  });

  it('gets no permission to read answers', async () => {
    const response = await fetch(`${server.url}/api/health`, { headers: { origin: 'https://evil.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('guessing sign-in tokens', () => {
  it('is limited, and a valid token is told so rather than used up', async () => {
    const limited = await startServer(database.prisma);
    const attempt = (token: string) =>
      fetch(`${limited.url}/api/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token }),
      });
    const statuses: number[] = [];
    for (let count = 0; count < 12; count += 1) statuses.push((await attempt('wrong')).status);
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401));
    expect(statuses.slice(10)).toEqual([429, 429]);
    const token = await limited.access.issueSignInToken();
    const refused = await attempt(token);
    expect(ErrorBody.parse(await refused.json()).error).toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
    });
    await expect(limited.access.signIn(token, {})).resolves.toBeDefined();
    await limited.close();
  });
});
