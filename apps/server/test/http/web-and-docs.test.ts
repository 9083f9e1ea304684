import { Validator } from '@seriousme/openapi-schema-validator';
import { type Endpoint, endpoints } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { openTestDatabase, type TestDatabase } from '../access/support/database.ts';
import { startServer, type TestServer } from './support/server.ts';

let database: TestDatabase;
let server: TestServer;
let cookie: string;

beforeAll(async () => {
  database = await openTestDatabase();
  server = await startServer(database.prisma, { basePath: '/shadow' });
  cookie = await server.signIn();
});
afterAll(async () => {
  await server?.close();
  await database?.close();
});

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${server.origin}${path}`, { headers: { cookie, ...headers }, redirect: 'manual' });

describe('the web UI', () => {
  it.each(['/shadow', '/shadow/', '/shadow/index.html', '/shadow/tasks/abc', '/shadow/sign-in?token=x'])(
    'is served at %s and told its base',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toContain('text/html');
      expect(response.headers.get('cache-control')).toBe('no-cache');
      expect(await response.text()).toContain(
        '<head lang="en"><base href="/shadow/"><meta name="shadow-base-path" content="/shadow">',
      );
    },
  );

  it('has assets that are cached for good and other files that are not', async () => {
    const asset = await get('/shadow/assets/main-Ab12.js');
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(asset.headers.get('content-type')).toContain('javascript');
    expect((await get('/shadow/icon.svg')).headers.get('cache-control')).toBe('no-cache');
  });

  it('answers 404 for a missing file and for everything outside BASE_PATH', async () => {
    for (const path of ['/shadow/assets/gone.js', '/shadow/gone.png', '/', '/api/health', '/shadowed']) {
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    }
  });

  it('does not leave its directory', async () => {
    for (const path of [
      '/shadow/..%2fauth-secret',
      '/shadow/assets/..%2f..%2fauth-secret',
      '/shadow/%2e%2e/cli-key',
    ]) {
      const text = await (await get(path)).text();
      expect(text).not.toMatch(/^[\w-]{43}\s*$/);
    }
  });

  it('allows scripts from itself alone', async () => {
    const policy = (await get('/shadow/')).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).toMatch(/script-src 'self'(;|$)/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect((await get('/shadow/')).headers.get('strict-transport-security')).toBeNull();
    expect((await get('/shadow/')).headers.get('x-powered-by')).toBeNull();
  });

  it('says what to do when it is not built', async () => {
    const bare = await startServer(database.prisma, { withWeb: false });
    const response = await fetch(`${bare.url}/`);
    await bare.close();
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('npm run build');
  });
});

describe('behind a proxy with https', () => {
  it('insists on https and takes its public origin for its own', async () => {
    const proxied = await startServer(database.prisma, { publicUrl: 'https://shadow.example.com' });
    const signedIn = await proxied.signIn();
    const response = await fetch(`${proxied.url}/api/api-keys`, {
      method: 'POST',
      headers: {
        cookie: signedIn,
        origin: 'https://shadow.example.com',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ name: 'x' }),
    });
    await proxied.close();
    expect(response.status).toBe(201);
    expect(response.headers.get('strict-transport-security')).not.toBeNull();
    expect(response.headers.get('content-security-policy')).toContain('upgrade-insecure-requests');
  });
});

/** What the tests look at; the validator checks the rest. */
const Operation = z.looseObject({
  operationId: z.string(),
  parameters: z.array(z.looseObject({ name: z.string() })).optional(),
  requestBody: z.json().optional(),
  responses: z.record(z.string(), z.unknown()),
});
const Document = z.looseObject({
  openapi: z.string(),
  servers: z.array(z.unknown()),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.json()) }),
});

async function readDocument() {
  return Document.parse(await (await get('/shadow/api/openapi.json')).json());
}

describe('the description of the API', () => {
  it('is valid OpenAPI 3.1', async () => {
    const document = await readDocument();
    const result = await new Validator().validate(document);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it('has every endpoint with its operation id, parameters, body and answers', async () => {
    const document = await readDocument();
    expect(document.servers).toEqual([{ url: '/shadow/api' }]);
    for (const endpoint of Object.values<Endpoint>(endpoints)) {
      const path = endpoint.path.replaceAll(/:(\w+)/g, '{$1}');
      const operation = document.paths[path]?.[endpoint.method];
      expect(operation?.operationId).toBe(endpoint.operationId);
      expect(Object.keys(operation?.responses ?? {})).toEqual([String(endpoint.status), 'default']);
    }
    expect(document.paths['/tasks']?.post?.requestBody).toMatchObject({
      content: { 'application/json': { schema: { required: ['repository', 'prompt'] } } },
    });
    const parameters = document.paths['/tasks/{taskId}/events']?.get?.parameters;
    expect(parameters?.map(({ name }) => name)).toEqual(['taskId', 'afterSeq', 'limit']);
    expect(document.components.schemas.Task).toMatchObject({ properties: { id: { type: 'string' } } });
  });

  it('can be read as a page that loads nothing from anywhere', async () => {
    const response = await get('/shadow/api/docs');
    const html = await response.text();
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    for (const endpoint of Object.values<Endpoint>(endpoints)) {
      expect(html).toContain(`id="${endpoint.operationId}"`);
    }
    expect(html).not.toMatch(/<script|src=|https?:\/\//);
  });
});
