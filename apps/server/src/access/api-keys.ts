import { defaultKeyHasher } from '@better-auth/api-key';
import type { PrismaClient } from '@shadow/db';
import { type ApiKeyInfo, ShadowError } from '@shadow/protocol';
import type { Auth } from './auth.ts';

const DAY_SECONDS = 86_400;
/** Longer texts are no keys of ours and are not worth a hash. */
const MAX_KEY_LENGTH = 200;

/** A key as its row has it; the key itself is stored nowhere. */
interface StoredKey {
  id: string;
  name: string | null;
  start: string | null;
  createdAt: Date;
  expiresAt: Date | null;
}

/** API keys: made by better-auth, stored as hashes, seen and revoked by their user only. */
export class ApiKeys {
  readonly #database: PrismaClient;
  readonly #auth: Auth;

  constructor(database: PrismaClient, auth: Auth) {
    this.#database = database;
    this.#auth = auth;
  }

  async list(userId: string): Promise<ApiKeyInfo[]> {
    const rows = await this.#database.apiKey.findMany({
      where: { referenceId: userId },
      orderBy: { createdAt: 'desc' },
    });
    return rows.map(toInfo);
  }

  /** Makes a key; this is the only time that anyone sees it. */
  async create(
    userId: string,
    request: { name: string; expiresInDays?: number | undefined },
  ): Promise<{ key: string; apiKey: ApiKeyInfo }> {
    const made = await this.#auth.api.createApiKey({
      body: {
        userId,
        name: request.name,
        ...(request.expiresInDays === undefined ? {} : { expiresIn: request.expiresInDays * DAY_SECONDS }),
      },
    });
    return { key: made.key, apiKey: toInfo(made) };
  }

  /** @throws ShadowError NOT_FOUND when the user has no such key */
  async delete(userId: string, apiKeyId: string): Promise<void> {
    const { count } = await this.#database.apiKey.deleteMany({
      where: { id: apiKeyId, referenceId: userId },
    });
    if (count === 0) throw new ShadowError('NOT_FOUND', 'There is no such API key.');
  }

  /**
   * Whose key this is; null when it is none, revoked or expired. Looked up by its hash: better-auth's own check
   * answers "invalid" also when the database is away, which would send people to look for another key.
   */
  async verify(key: string): Promise<{ apiKeyId: string; userId: string } | null> {
    if (key.length > MAX_KEY_LENGTH) return null;
    const row = await this.#database.apiKey.findUnique({ where: { key: await defaultKeyHasher(key) } });
    if (row === null || !row.enabled) return null;
    if (row.expiresAt !== null && row.expiresAt.getTime() <= Date.now()) return null;
    return { apiKeyId: row.id, userId: row.referenceId };
  }
}

function toInfo(row: StoredKey): ApiKeyInfo {
  return {
    id: row.id,
    name: row.name,
    start: row.start,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
  };
}
