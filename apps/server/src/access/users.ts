import { randomUUID } from 'node:crypto';
import type { PrismaClient } from '@shadow/db';
import type { Me } from '@shadow/protocol';

/** Nothing is ever sent there: better-auth wants an address, and this one tells the owner apart. */
const OWNER_EMAIL = 'owner@shadow.invalid';

/** People of this installation. */
export class Users {
  readonly #database: PrismaClient;

  constructor(database: PrismaClient) {
    this.#database = database;
  }

  /** The owner, made when there is none yet. */
  async ensureOwner(): Promise<Me['user']> {
    const owner = await this.#database.user.upsert({
      where: { email: OWNER_EMAIL },
      create: { id: randomUUID(), email: OWNER_EMAIL, name: 'Owner', role: 'owner' },
      update: {},
    });
    return toUser(owner);
  }

  async find(userId: string): Promise<Me['user'] | null> {
    const user = await this.#database.user.findUnique({ where: { id: userId } });
    return user === null ? null : toUser(user);
  }
}

function toUser(row: Me['user']): Me['user'] {
  return { id: row.id, name: row.name, email: row.email, role: row.role };
}
