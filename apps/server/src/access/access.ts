import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { PrismaClient } from '@shadow/db';
import { type ApiKeyInfo, ShadowError } from '@shadow/protocol';
import { fromNodeHeaders } from 'better-auth/node';
import type { Logger } from 'pino';
import { ApiKeys } from './api-keys.ts';
import { type Auth, createAuth } from './auth.ts';
import { ensureAuthSecret } from './auth-secret.ts';
import { type Authentication, type Credential, credentialKey } from './principal.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';
import { SignInTokens } from './sign-in-tokens.ts';
import { Users } from './users.ts';

export interface AccessOptions {
  readonly database: PrismaClient;
  /** Absolute path of SHADOW_HOME: the cookie secret and the CLI's key are kept there. */
  readonly home: string;
  /** Empty, or `/path`. */
  readonly basePath: string;
  /** Origin that people open, when it is not the listening address. */
  readonly publicUrl: string | null;
  readonly logger: Logger;
}

/** Opens the access layer over a migrated database. */
export async function createAccess(options: AccessOptions): Promise<Access> {
  return new Access(options, createAuth({ ...options, secret: await ensureAuthSecret(options.home) }));
}

/** Who may come in: users, sign-in tokens, sessions and API keys. */
export class Access {
  readonly #database: PrismaClient;
  readonly #home: string;
  readonly #auth: Auth;
  readonly #users: Users;
  readonly #tokens: SignInTokens;
  readonly #apiKeys: ApiKeys;
  readonly #endListeners = new Set<(credential: Credential) => void>();

  constructor(options: AccessOptions, auth: Auth) {
    this.#database = options.database;
    this.#home = options.home;
    this.#auth = auth;
    this.#users = new Users(options.database);
    this.#tokens = new SignInTokens(options.database);
    this.#apiKeys = new ApiKeys(options.database, auth);
  }

  /** A one-time token for the printed URL; valid until used or for 24 hours. */
  issueSignInToken(): Promise<string> {
    return this.#tokens.issue();
  }

  /**
   * Exchanges a one-time token for a session of the owner, who is made at first.
   * @throws ShadowError TOKEN_INVALID when it is unknown, used or too old
   */
  async signIn(token: string, headers: IncomingHttpHeaders): Promise<Authentication> {
    if (!(await this.#tokens.redeem(token))) {
      throw new ShadowError(
        'TOKEN_INVALID',
        'This sign-in link was used already or is too old. "shadow sign-in-url" on the server prints a new one, and so does a restart.',
      );
    }
    const user = await this.#users.ensureOwner();
    const started = await this.#auth.api.startSession({
      body: { userId: user.id },
      headers: fromNodeHeaders(headers),
      returnHeaders: true,
    });
    return {
      principal: { user, credential: { kind: 'session', id: started.response.sessionId } },
      setCookies: started.headers.getSetCookie(),
    };
  }

  /** Ends the session; its sockets are told. Returns `Set-Cookie` values that clear the cookie. */
  async signOut(credential: Credential, headers: IncomingHttpHeaders): Promise<readonly string[]> {
    if (credential.kind !== 'session') {
      throw new ShadowError('FORBIDDEN', 'An API key has no session to end; delete the key instead.');
    }
    const ended = await this.#auth.api.signOut({ headers: fromNodeHeaders(headers), returnHeaders: true });
    // better-auth only logs it when the row could not be deleted: a session that lives on is no sign-out.
    await this.#database.session.deleteMany({ where: { id: credential.id } });
    this.#announceEnd(credential);
    return ended.headers.getSetCookie();
  }

  /**
   * Who makes this request, by `x-api-key`, `Authorization: Bearer` or the session cookie; null when nobody proved
   * to be anyone. A key that is sent is what counts, also beside a valid cookie.
   * @throws ShadowError DATABASE_UNREACHABLE when it cannot be known now
   */
  async authenticate(headers: IncomingHttpHeaders): Promise<Authentication | null> {
    const key = apiKeyOf(headers);
    return key === null ? this.#bySession(headers) : this.authenticateKey(key);
  }

  /** Whose API key this is; null when it is none that is valid. */
  async authenticateKey(key: string): Promise<Authentication | null> {
    const verified = await this.#apiKeys.verify(key);
    const user = verified === null ? null : await this.#users.find(verified.userId);
    if (verified === null || user === null) return null;
    return {
      principal: { user, credential: { kind: 'api-key', id: verified.apiKeyId } },
      setCookies: [],
    };
  }

  async #bySession(headers: IncomingHttpHeaders): Promise<Authentication | null> {
    if (headers.cookie === undefined) return null;
    const found = await this.#auth.api
      .getSession({ headers: fromNodeHeaders(headers), returnHeaders: true })
      .catch((error: unknown) => {
        // better-auth hides what happened; the database is all it depends on.
        throw new ShadowError('DATABASE_UNREACHABLE', 'The database does not answer.', { cause: error });
      });
    if (found.response === null) return null;
    const { user, session } = found.response;
    return {
      principal: {
        user: { id: user.id, name: user.name, email: user.email, role: user.role ?? 'owner' },
        credential: { kind: 'session', id: session.id },
      },
      setCookies: found.headers.getSetCookie(),
    };
  }

  listApiKeys(userId: string): Promise<ApiKeyInfo[]> {
    return this.#apiKeys.list(userId);
  }

  createApiKey(
    userId: string,
    request: { name: string; expiresInDays?: number | undefined },
  ): Promise<{ key: string; apiKey: ApiKeyInfo }> {
    return this.#apiKeys.create(userId, request);
  }

  /** Revokes a key; its sockets are told. */
  async deleteApiKey(userId: string, apiKeyId: string): Promise<void> {
    await this.#apiKeys.delete(userId, apiKeyId);
    this.#announceEnd({ kind: 'api-key', id: apiKeyId });
  }

  /**
   * The owner's API key for the command line, in `cli-key` under the home, readable by its owner alone. The key that
   * is there is kept while it is valid.
   */
  async ensureCliKey(): Promise<string> {
    const path = join(this.#home, 'cli-key');
    const existing = await readPrivateFile(path);
    if (existing !== null && (await this.#apiKeys.verify(existing)) !== null) return path;
    const owner = await this.#users.ensureOwner();
    const { key } = await this.#apiKeys.create(owner.id, { name: 'shadow command line' });
    await writePrivateFile(path, key, { keepExisting: false });
    return path;
  }

  /** Hears of each session that was signed out and each key that was revoked here. Returns the way to stop. */
  onCredentialEnded(listener: (credential: Credential) => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  /** Of these credentials, the ones that are no longer valid: expired, or ended by another server. */
  async findEnded(credentials: readonly Credential[]): Promise<Credential[]> {
    const ids = (kind: Credential['kind']) =>
      credentials.filter((credential) => credential.kind === kind).map((credential) => credential.id);
    const now = new Date();
    const sessions = await this.#database.session.findMany({
      where: { id: { in: ids('session') }, expiresAt: { gt: now } },
      select: { id: true },
    });
    const keys = await this.#database.apiKey.findMany({
      where: {
        id: { in: ids('api-key') },
        enabled: true,
        OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
      },
      select: { id: true },
    });
    const alive = new Set([
      ...sessions.map(({ id }) => credentialKey({ kind: 'session', id })),
      ...keys.map(({ id }) => credentialKey({ kind: 'api-key', id })),
    ]);
    return credentials.filter((credential) => !alive.has(credentialKey(credential)));
  }

  #announceEnd(credential: Credential): void {
    for (const listener of this.#endListeners) listener(credential);
  }
}

function apiKeyOf(headers: IncomingHttpHeaders): string | null {
  const header = headers['x-api-key'];
  if (typeof header === 'string' && header !== '') return header;
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '');
  return bearer?.[1] ?? null;
}
