import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import * as z from 'zod';

/** An answer as it was sent. */
export interface StoredAnswer {
  status: number;
  body: unknown;
}

const Entry = z.object({
  /** Of the request: method, path, query and body. Empty while it is not known. */
  fingerprint: z.string(),
  /** Absent while the call runs, or when the process ended in the middle of it. */
  answer: z.object({ status: z.int(), body: z.unknown() }).optional(),
});
type Entry = z.infer<typeof Entry>;

export interface KeyedCall {
  key: string;
  /** Hash of all that makes two requests the same; an upload knows it only when its body was read. */
  fingerprint: () => Promise<string>;
  /** Whether a call that the process's end cut off may run again. */
  converges: boolean;
  run: () => Promise<StoredAnswer & { remember: boolean }>;
}

export interface AnswerStoreOptions {
  directory: string;
  maxAgeMs: number;
  maxAnswers: number;
}

/** Answers of keyed mutations, kept on disk so that a repeat gets the first answer even after a crash. */
export class AnswerStore {
  readonly #options: AnswerStoreOptions;
  /** Name of each file with the time it was made, oldest first. */
  readonly #known: Map<string, number>;
  readonly #running = new Map<string, Promise<void>>();

  private constructor(options: AnswerStoreOptions, known: Map<string, number>) {
    this.#options = options;
    this.#known = known;
  }

  /** Makes the directory, or finds what an earlier process left in it. */
  static async open(options: AnswerStoreOptions): Promise<AnswerStore> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const found = await Promise.all(
      (await readdir(options.directory)).map(async (name) => {
        const path = join(options.directory, name);
        if (!name.endsWith('.json')) await rm(path, { force: true });
        const stats = await stat(path).catch(() => undefined);
        return { name, at: stats?.mtimeMs };
      }),
    );
    const times = found.flatMap(({ name, at }) => (at === undefined ? [] : [[name, at] as const]));
    const store = new AnswerStore(options, new Map(times.sort(([, a], [, b]) => a - b)));
    await store.#forgetOld();
    return store;
  }

  /**
   * Runs the call, or gives the answer that its key got before. A repeat while the first one runs waits for it.
   *
   * @throws ShadowError IDEMPOTENCY_MISMATCH when the key belongs to another request, STREAM_INTERRUPTED when nobody can
   *   know whether the first call took effect; what the call itself throws
   */
  async once(call: KeyedCall): Promise<StoredAnswer> {
    const name = `${createHash('sha256').update(call.key).digest('hex')}.json`;
    for (;;) {
      const running = this.#running.get(name);
      if (running === undefined) break;
      await running;
    }
    // No await between the look at `#running` and this: two repeats cannot both get here first.
    let finish = () => {};
    this.#running.set(
      name,
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
    );
    try {
      const known = await this.#read(name);
      return known === undefined ? await this.#run(name, call) : await this.#repeat(name, known, call);
    } finally {
      this.#running.delete(name);
      finish();
    }
  }

  async #repeat(name: string, known: Entry, call: KeyedCall): Promise<StoredAnswer> {
    if (known.answer === undefined && call.converges) return await this.#run(name, call);
    if (known.fingerprint !== (await call.fingerprint())) {
      throw new ShadowError('IDEMPOTENCY_MISMATCH', 'This idempotency key belongs to another request.');
    }
    if (known.answer !== undefined) return { status: known.answer.status, body: known.answer.body };
    throw new ShadowError(
      'STREAM_INTERRUPTED',
      'The sidecar ended while it worked on this call. Look whether it took effect before trying again.',
      { details: { outcome: 'unknown' }, retryable: false },
    );
  }

  async #run(name: string, call: KeyedCall): Promise<StoredAnswer> {
    // Only what must not happen twice needs a mark of its beginning.
    if (!call.converges) await this.#write(name, { fingerprint: await call.fingerprint() });
    try {
      const { remember, ...answer } = await call.run();
      if (remember) await this.#write(name, { fingerprint: await call.fingerprint(), answer });
      else await this.#forget(name);
      return answer;
    } catch (error) {
      await this.#forget(name);
      throw error;
    }
  }

  async #read(name: string): Promise<Entry | undefined> {
    const at = this.#known.get(name);
    if (at === undefined) return undefined;
    if (at < Date.now() - this.#options.maxAgeMs) {
      await this.#forget(name);
      return undefined;
    }
    const text = await readFile(join(this.#options.directory, name), 'utf8');
    return Entry.parse(JSON.parse(text));
  }

  async #write(name: string, entry: Entry): Promise<void> {
    const path = join(this.#options.directory, name);
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, JSON.stringify(entry), { mode: 0o600 });
    await rename(temporary, path);
    this.#known.delete(name);
    this.#known.set(name, Date.now());
    await this.#forgetOld();
  }

  async #forget(name: string): Promise<void> {
    if (this.#known.delete(name)) await rm(join(this.#options.directory, name), { force: true });
  }

  async #forgetOld(): Promise<void> {
    const oldest = Date.now() - this.#options.maxAgeMs;
    for (const [name, at] of this.#known) {
      if (at >= oldest && this.#known.size <= this.#options.maxAnswers) return;
      if (!this.#running.has(name)) await this.#forget(name);
      else if (this.#known.size <= this.#options.maxAnswers) return;
    }
  }
}
