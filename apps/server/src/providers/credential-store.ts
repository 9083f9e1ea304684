import type { PrismaClient } from '@shadow/db';
import type { ProviderId } from '@shadow/protocol';
import type { CredentialCipher } from './credential-cipher.ts';

/** What a user entered for a provider. */
export interface Credential {
  apiKey?: string;
  baseUrl?: string;
}

/** Providers' keys and endpoints of users. */
export interface CredentialStore {
  get(userId: string, provider: ProviderId): Promise<Credential | null>;
  /** Replaces what is stored. */
  put(userId: string, provider: ProviderId, credential: Credential): Promise<void>;
  delete(userId: string, provider: ProviderId): Promise<void>;
}

/** Hears of stored keys that cannot be read. */
export interface CredentialLog {
  warn(details: object, message: string): void;
}

/** Credentials in the database, keys encrypted. A key that does not open any more counts as not there. */
export class DatabaseCredentialStore implements CredentialStore {
  readonly #prisma: PrismaClient;
  readonly #cipher: CredentialCipher;
  readonly #log: CredentialLog | undefined;

  constructor(prisma: PrismaClient, cipher: CredentialCipher, log?: CredentialLog) {
    this.#prisma = prisma;
    this.#cipher = cipher;
    this.#log = log;
  }

  async get(userId: string, provider: ProviderId): Promise<Credential | null> {
    const row = await this.#prisma.providerCredential.findUnique({
      where: { userId_provider: { userId, provider } },
    });
    if (row === null) return null;
    const apiKey =
      row.encryptedKey === null ? null : this.#cipher.decrypt(row.encryptedKey, contextOf(userId, provider));
    if (row.encryptedKey !== null && apiKey === null) {
      const details = { component: 'PROVIDERS', userId, provider };
      this.#log?.warn(details, 'a stored key does not open with the key file; it has to be entered again');
    }
    return {
      ...(apiKey === null ? {} : { apiKey }),
      ...(row.baseUrl === null ? {} : { baseUrl: row.baseUrl }),
    };
  }

  async put(userId: string, provider: ProviderId, { apiKey, baseUrl }: Credential): Promise<void> {
    const values = {
      encryptedKey: apiKey === undefined ? null : this.#cipher.encrypt(apiKey, contextOf(userId, provider)),
      baseUrl: baseUrl ?? null,
    };
    await this.#prisma.providerCredential.upsert({
      where: { userId_provider: { userId, provider } },
      create: { userId, provider, ...values },
      update: values,
    });
  }

  async delete(userId: string, provider: ProviderId): Promise<void> {
    await this.#prisma.providerCredential.deleteMany({ where: { userId, provider } });
  }
}

function contextOf(userId: string, provider: ProviderId): string {
  return JSON.stringify([userId, provider]);
}
