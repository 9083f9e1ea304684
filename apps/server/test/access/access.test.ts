import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Access, createAccess } from '../../src/access/access.ts';
import type { Authentication } from '../../src/access/principal.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { openTestDatabase, type TestDatabase } from './support/database.ts';

let database: TestDatabase;
let home: string;
let access: Access;

const logger = createLogger({ level: 'silent', format: 'json', secrets: [] });
const open = (overrides: { basePath?: string; publicUrl?: string } = {}) =>
  createAccess({
    database: database.prisma,
    home,
    basePath: '',
    publicUrl: null,
    logger,
    ...overrides,
  });
const cookieOf = (authentication: Authentication) =>
  authentication.setCookies.map((cookie) => cookie.split(';')[0]).join('; ');

beforeAll(async () => {
  database = await openTestDatabase();
  home = await mkdtemp(join(tmpdir(), 'shadow-access-'));
});
afterAll(async () => {
  await database?.close();
  await rm(home, { recursive: true, force: true });
});
beforeEach(async () => {
  await database.prisma.user.deleteMany();
  await database.prisma.apiKey.deleteMany();
  await database.prisma.verification.deleteMany();
  access = await open();
});

describe('signing in', () => {
  it('makes the owner at the first sign-in and finds them at the next', async () => {
    const first = await access.signIn(await access.issueSignInToken(), {});
    const second = await access.signIn(await access.issueSignInToken(), {});
    expect(first.principal.user.role).toBe('owner');
    expect(second.principal.user).toEqual(first.principal.user);
    expect(await database.prisma.user.count()).toBe(1);
  });

  it('takes a token once, also when it comes many times at once', async () => {
    const token = await access.issueSignInToken();
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => access.signIn(token, {})));
    expect(tries.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    await expect(access.signIn(token, {})).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });

  it('keeps earlier tokens valid when another is made', async () => {
    const earlier = await access.issueSignInToken();
    await access.issueSignInToken();
    await expect(access.signIn(earlier, {})).resolves.toBeDefined();
  });

  it('stores a token as its hash only', async () => {
    const token = await access.issueSignInToken();
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const [row] = await database.prisma.verification.findMany();
    expect(row?.value).toBe(createHash('sha256').update(token).digest('hex'));
    expect(JSON.stringify(row)).not.toContain(token);
  });

  it('refuses a token that is older than 24 hours', async () => {
    const token = await access.issueSignInToken();
    const [row] = await database.prisma.verification.findMany();
    const hours = ((row?.expiresAt.getTime() ?? 0) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThanOrEqual(24);
    await database.prisma.verification.updateMany({ data: { expiresAt: new Date(Date.now() - 1) } });
    await expect(access.signIn(token, {})).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });

  it.each(['', 'x', 'é'.repeat(50)])('refuses %j', async (token) => {
    await access.issueSignInToken();
    await expect(access.signIn(token, {})).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });
});

describe('sessions', () => {
  it('are recognised by their cookie', async () => {
    const signedIn = await access.signIn(await access.issueSignInToken(), {});
    const known = await access.authenticate({ cookie: cookieOf(signedIn) });
    expect(known?.principal).toEqual(signedIn.principal);
  });

  it('have a cookie that scripts and other sites do not get', async () => {
    const [cookie] = (await access.signIn(await access.issueSignInToken(), {})).setCookies;
    expect(cookie).toMatch(/; HttpOnly/);
    expect(cookie).toMatch(/; SameSite=Lax/);
    expect(cookie).toMatch(/; Path=\/(;|$)/);
    expect(cookie).not.toMatch(/; Secure/);
  });

  it('have a Secure cookie under BASE_PATH when people reach us by https', async () => {
    const behindProxy = await open({ basePath: '/shadow', publicUrl: 'https://example.com' });
    const [cookie] = (await behindProxy.signIn(await behindProxy.issueSignInToken(), {})).setCookies;
    expect(cookie).toMatch(/^__Secure-/);
    expect(cookie).toMatch(/; Secure/);
    expect(cookie).toMatch(/; Path=\/shadow(;|$)/);
  });

  it('do not survive a change of a letter in the cookie', async () => {
    const cookie = cookieOf(await access.signIn(await access.issueSignInToken(), {}));
    const at = cookie.indexOf('=') + 3;
    const forged = cookie.slice(0, at) + (cookie[at] === 'a' ? 'b' : 'a') + cookie.slice(at + 1);
    expect(await access.authenticate({ cookie: forged })).toBeNull();
  });

  it('end with signing out, and whoever listens is told', async () => {
    const signedIn = await access.signIn(await access.issueSignInToken(), {});
    const ended: unknown[] = [];
    access.onCredentialEnded((credential) => ended.push(credential));
    const cookie = cookieOf(signedIn);
    const cleared = await access.signOut(signedIn.principal.credential, { cookie });
    expect(cleared.join()).toMatch(/Max-Age=0/);
    expect(await access.authenticate({ cookie })).toBeNull();
    expect(ended).toEqual([signedIn.principal.credential]);
  });

  it('survive a restart', async () => {
    const cookie = cookieOf(await access.signIn(await access.issueSignInToken(), {}));
    expect(await (await open()).authenticate({ cookie })).not.toBeNull();
  });

  it('end when their time is over', async () => {
    const signedIn = await access.signIn(await access.issueSignInToken(), {});
    expect(await access.findEnded([signedIn.principal.credential])).toEqual([]);
    await database.prisma.session.updateMany({ data: { expiresAt: new Date(Date.now() - 1) } });
    expect(await access.findEnded([signedIn.principal.credential])).toEqual([signedIn.principal.credential]);
    expect(await access.authenticate({ cookie: cookieOf(signedIn) })).toBeNull();
  });
});

describe('API keys', () => {
  const owner = async () => (await access.signIn(await access.issueSignInToken(), {})).principal.user;

  it('are accepted as x-api-key and as bearer token', async () => {
    const user = await owner();
    const { key, apiKey } = await access.createApiKey(user.id, { name: 'ci' });
    const expected = { user, credential: { kind: 'api-key', id: apiKey.id } };
    expect((await access.authenticate({ 'x-api-key': key }))?.principal).toEqual(expected);
    expect((await access.authenticate({ authorization: `Bearer ${key}` }))?.principal).toEqual(expected);
    expect((await access.authenticateKey(key))?.principal).toEqual(expected);
  });

  it('are stored as a hash', async () => {
    const { key, apiKey } = await access.createApiKey((await owner()).id, { name: 'ci' });
    const row = await database.prisma.apiKey.findUnique({ where: { id: apiKey.id } });
    expect(JSON.stringify(row)).not.toContain(key);
    expect(key.startsWith(apiKey.start ?? 'none')).toBe(true);
  });

  it('count before a cookie that comes along', async () => {
    const signedIn = await access.signIn(await access.issueSignInToken(), {});
    expect(await access.authenticate({ cookie: cookieOf(signedIn), 'x-api-key': 'wrong' })).toBeNull();
  });

  it.each(['shadow_wrong', '', 'x'.repeat(5000)])('are refused when wrong', async (key) => {
    expect(await access.authenticateKey(key)).toBeNull();
  });

  it('expire', async () => {
    const { key, apiKey } = await access.createApiKey((await owner()).id, {
      name: 'ci',
      expiresInDays: 3650,
    });
    expect(apiKey.expiresAt).not.toBeNull();
    await database.prisma.apiKey.updateMany({ data: { expiresAt: new Date(Date.now() - 1) } });
    expect(await access.authenticateKey(key)).toBeNull();
    expect(await access.findEnded([{ kind: 'api-key', id: apiKey.id }])).toHaveLength(1);
  });

  it('are seen and revoked by their user only', async () => {
    const user = await owner();
    const { key, apiKey } = await access.createApiKey(user.id, { name: 'ci' });
    expect(await access.listApiKeys('somebody-else')).toEqual([]);
    await expect(access.deleteApiKey('somebody-else', apiKey.id)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await access.listApiKeys(user.id)).toEqual([apiKey]);
    await access.deleteApiKey(user.id, apiKey.id);
    expect(await access.authenticateKey(key)).toBeNull();
  });

  it('of a user who is gone are worth nothing', async () => {
    const { key } = await access.createApiKey((await owner()).id, { name: 'ci' });
    await database.prisma.user.deleteMany();
    expect(await access.authenticateKey(key)).toBeNull();
  });
});

describe('the key of the command line', () => {
  it('is in a file that only its owner can read, and is kept while it is valid', async () => {
    const path = await access.ensureCliKey();
    expect(path).toBe(join(home, 'cli-key'));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const key = (await readFile(path, 'utf8')).trim();
    expect((await access.authenticateKey(key))?.principal.user.role).toBe('owner');
    await access.ensureCliKey();
    expect((await readFile(path, 'utf8')).trim()).toBe(key);
  });

  it('is made again when it was revoked or damaged, readable by its owner alone', async () => {
    const path = await access.ensureCliKey();
    await writeFile(path, 'damaged');
    await chmod(path, 0o644);
    await access.ensureCliKey();
    expect(await access.authenticateKey((await readFile(path, 'utf8')).trim())).not.toBeNull();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});
