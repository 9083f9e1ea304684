import { afterAll, beforeAll } from 'vitest';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import type { Capabilities } from '../interfaces/types.ts';
import type { RepositoryState, SetUp, Subject } from './subject.ts';

/** One workspace for all tests of a `describe`; each test works in a directory of its own. */
export class SharedSubject {
  #subject: Subject | undefined;
  #directories = 0;

  /** Sets it up before the tests of the surrounding `describe` and disposes of it after them. */
  static use(setUp: SetUp, repository: RepositoryState): SharedSubject {
    const shared = new SharedSubject();
    beforeAll(async () => {
      shared.#subject = await setUp({ repository });
    });
    afterAll(async () => {
      await shared.#subject?.dispose();
    });
    return shared;
  }

  get executor(): ToolExecutor {
    return this.#current.executor;
  }

  get capabilities(): Capabilities {
    return this.#current.capabilities;
  }

  get root(): string {
    return this.#current.root;
  }

  get seed(): Subject['seed'] {
    return this.#current.seed;
  }

  /** Whether commands are run by a real shell, with the system's programs at hand. */
  get hasRealShell(): boolean {
    return this.capabilities.isolation !== 'simulated';
  }

  /** A name that no other test has for its directory or process. */
  freshName(): string {
    this.#directories += 1;
    return `t${this.#directories}`;
  }

  /** A new directory with these files. @returns its path from the root */
  async place(files: Record<string, string | Uint8Array> = {}): Promise<string> {
    const directory = this.freshName();
    await this.seed.directory(directory);
    for (const [name, content] of Object.entries(files))
      await this.seed.file(`${directory}/${name}`, content);
    return directory;
  }

  get #current(): Subject {
    if (this.#subject === undefined) throw new Error('The subject is set up before each test.');
    return this.#subject;
  }
}
