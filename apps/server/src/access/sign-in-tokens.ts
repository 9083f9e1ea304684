import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { PrismaClient } from '@shadow/db';

const IDENTIFIER = 'shadow-sign-in-token';
const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** One-time tokens of the printed URL: kept as hashes, valid until used or for 24 hours. */
export class SignInTokens {
  readonly #database: PrismaClient;

  constructor(database: PrismaClient) {
    this.#database = database;
  }

  /** Makes a token of 32 random bytes. It is in no log and no table. */
  async issue(): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    await this.#database.verification.deleteMany({
      where: { identifier: IDENTIFIER, expiresAt: { lte: new Date() } },
    });
    await this.#database.verification.create({
      data: {
        id: randomUUID(),
        identifier: IDENTIFIER,
        value: hash(token).toString('hex'),
        expiresAt: new Date(Date.now() + LIFETIME_MS),
      },
    });
    return token;
  }

  /** Whether the token was valid; it never is again, also when it is presented twice at the same moment. */
  async redeem(token: string): Promise<boolean> {
    const rows = await this.#database.verification.findMany({
      where: { identifier: IDENTIFIER, expiresAt: { gt: new Date() } },
    });
    const presented = hash(token);
    // Every row is compared, in constant time each: how long it takes tells nothing about any of them.
    const [match] = rows.filter((row) => timingSafeEqual(presented, Buffer.from(row.value, 'hex')));
    if (match === undefined) return false;
    const { count } = await this.#database.verification.deleteMany({ where: { id: match.id } });
    return count === 1;
  }
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
