import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readPrivateFile, writePrivateFile } from '../access/private-file.ts';

const ALGORITHM = 'aes-256-gcm';
const VERSION = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts short secrets for storage, AES-256-GCM. Each is bound to a context (whose it is, what for), so that a row
 * copied to another place does not open there. Layout: version, nonce, tag, ciphertext.
 */
export class CredentialCipher {
  readonly #key: Uint8Array;

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    if (key.byteLength !== KEY_BYTES) throw new Error(`The credential key must have ${KEY_BYTES} bytes.`);
    this.#key = key;
  }

  /**
   * The cipher under the key file of a home, made at the first start and readable by the server's user alone.
   * @param home absolute path of SHADOW_HOME
   */
  static async open(home: string): Promise<CredentialCipher> {
    const path = join(home, 'credential-key');
    const fresh = randomBytes(KEY_BYTES).toString('base64url');
    if ((await readPrivateFile(path)) === null) await writePrivateFile(path, fresh, { keepExisting: true });
    const written = await readPrivateFile(path);
    const key = Buffer.from(written ?? '', 'base64url');
    if (key.byteLength === KEY_BYTES) return new CredentialCipher(key);
    throw new Error(
      `${path} is damaged: it must hold ${KEY_BYTES} bytes in base64url. Restore it from a backup, or delete it and enter the stored keys again.`,
    );
  }

  encrypt(secret: string, context: string): Uint8Array<ArrayBuffer> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Uint8Array.from([VERSION, ...nonce, ...cipher.getAuthTag(), ...body]);
  }

  /** The secret, or null when it does not open: another key, another context, or damaged. */
  decrypt(sealed: Uint8Array, context: string): string | null {
    if (sealed[0] !== VERSION || sealed.byteLength < 1 + NONCE_BYTES + TAG_BYTES) return null;
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
    const tag = sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(context))
        .setAuthTag(tag);
      const body = decipher.update(sealed.subarray(1 + NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([body, decipher.final()]).toString('utf8');
    } catch {
      return null;
    }
  }
}
