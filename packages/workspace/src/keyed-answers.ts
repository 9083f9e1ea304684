import { createHash } from 'node:crypto';
import {
  type CallOptions,
  type FileOperations,
  type GitOperations,
  isFinal,
  type Result,
  ShadowError,
} from '@shadow/protocol';
import { PathLocks } from './files/path-locks.ts';

const DAY_MS = 86_400_000;
/** Answers are small: paths, counts, ids. */
const MAX_ANSWERS = 2_000;

interface Entry {
  /** Of the operation and all that makes two requests the same. */
  readonly fingerprint: string;
  readonly answer: Result;
  readonly at: number;
}

interface KeyedCall<T extends object> {
  readonly key: string | undefined;
  readonly fingerprint: () => Promise<string>;
  readonly run: () => Promise<Result<T>>;
}

/**
 * Answers of keyed mutations, for whoever calls the engine in its own process. The rules are those of the sidecar's
 * store: a repeat gets the first answer, waits for it where it is still to come, and is refused when it is another
 * request; failures that a repeat may mend are forgotten. What differs is that nothing is written down: who calls
 * in-process ends with this memory, and a call that the process's end cut off has nobody left to repeat it.
 */
export class KeyedAnswers {
  readonly #entries = new Map<string, Entry>();
  readonly #turns = new PathLocks();

  /** Runs a call, or gives the answer that its key got before; without a key it runs. */
  async once<T extends object>({ key, fingerprint, run }: KeyedCall<T>): Promise<Result<T>> {
    if (key === undefined) return await run();
    return await this.#turns.run(key, async () => {
      const known = this.#find(key);
      if (known === undefined) return await this.#remember(key, await run(), fingerprint);
      // The fingerprint names the operation, so what was kept is an answer of this one.
      if (known.fingerprint === (await fingerprint())) return known.answer as Result<T>;
      const mismatch = new ShadowError(
        'IDEMPOTENCY_MISMATCH',
        'This idempotency key belongs to another request.',
      );
      return { success: false, error: mismatch.toOperationError() };
    });
  }

  #find(key: string): Entry | undefined {
    const known = this.#entries.get(key);
    if (known !== undefined && known.at >= Date.now() - DAY_MS) return known;
    this.#entries.delete(key);
    return undefined;
  }

  async #remember<T extends object>(
    key: string,
    answer: Result<T>,
    fingerprint: () => Promise<string>,
  ): Promise<Result<T>> {
    if (!answer.success && !isFinal(answer.error)) return answer;
    this.#entries.set(key, { fingerprint: await fingerprint(), answer, at: Date.now() });
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > MAX_ANSWERS && oldest !== undefined) this.#entries.delete(oldest);
    return answer;
  }
}

/** File operations that honour the idempotency key of mutations. */
export function keyedFiles(files: FileOperations, answers: KeyedAnswers): FileOperations {
  return {
    ...files,
    writeFile: keyed(answers, 'writeFile', files.writeFile),
    deleteFile: keyed(answers, 'deleteFile', files.deleteFile),
    searchReplace: keyed(answers, 'searchReplace', files.searchReplace),
    moveFile: keyed(answers, 'moveFile', files.moveFile),
    makeDirectory: keyed(answers, 'makeDirectory', files.makeDirectory),
    uploadFile: keyedUpload(answers, 'uploadFile', files.uploadFile),
  };
}

/** Git operations that honour the idempotency key of mutations. */
export function keyedGit(git: GitOperations, answers: KeyedAnswers): GitOperations {
  return {
    ...git,
    gitCommit: keyed(answers, 'gitCommit', git.gitCommit),
    gitCheckout: keyed(answers, 'gitCheckout', git.gitCheckout),
    gitClone: keyed(answers, 'gitClone', git.gitClone),
    gitPush: keyed(answers, 'gitPush', git.gitPush),
    gitRestore: keyedUpload(answers, 'gitRestore', git.gitRestore),
  };
}

function keyed<R, O extends CallOptions, T extends object>(
  answers: KeyedAnswers,
  name: string,
  work: (request: R, options?: O) => Promise<Result<T>>,
): (request: R, options?: O) => Promise<Result<T>> {
  return (request, options) =>
    answers.once({
      key: options?.idempotencyKey,
      fingerprint: async () => hashOf([name, request]),
      run: () => work(request, options),
    });
}

function keyedUpload<R, T extends object>(
  answers: KeyedAnswers,
  name: string,
  work: (request: R, content: AsyncIterable<Uint8Array>, options?: CallOptions) => Promise<Result<T>>,
): (request: R, content: AsyncIterable<Uint8Array>, options?: CallOptions) => Promise<Result<T>> {
  return (request, content, options) => {
    if (options?.idempotencyKey === undefined) return work(request, content, options);
    const hashed = new HashedContent(content);
    return answers.once({
      key: options.idempotencyKey,
      fingerprint: async () => hashOf([name, request, await hashed.digest()]),
      run: () => work(request, hashed, options),
    });
  };
}

/** Bytes that are hashed as they pass. */
class HashedContent implements AsyncIterable<Uint8Array> {
  readonly #content: AsyncIterator<Uint8Array>;
  readonly #hash = createHash('sha256');
  #digest: string | undefined;

  constructor(content: AsyncIterable<Uint8Array>) {
    this.#content = content[Symbol.asyncIterator]();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const { done, value } = await this.#content.next();
      if (done === true) break;
      this.#hash.update(value);
      yield value;
    }
    this.#digest ??= this.#hash.digest('hex');
  }

  /** Hash of all of them; what nobody has read is read for it. */
  async digest(): Promise<string> {
    if (this.#digest === undefined) for await (const _ of this);
    return this.#digest ?? '';
  }
}

function hashOf(identity: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}
