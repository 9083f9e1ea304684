import { type GitCloneRequest, type GitCloneResult, type GitCredential, unwrap } from '@shadow/protocol';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import { SharedSubject } from './shared-subject.ts';
import type { GitRemotes, OpenRemotes, SetUp } from './subject.ts';

/** What lies in the repositories of these tests. */
export const FILES = { 'README.md': '# Hello\n', 'src/deep/файл.txt': 'text\n' };
export const CREDENTIAL: GitCredential = { username: 'ada', password: 'correct-horse-battery-staple' };

/** A workspace, empty before each test, and a git server that it can reach. */
export class RemoteSubject {
  readonly shared: SharedSubject;
  #remotes: GitRemotes | undefined;

  private constructor(shared: SharedSubject) {
    this.shared = shared;
  }

  /** Opens both before the tests of the surrounding `describe`, and closes them after. */
  static open(setUp: SetUp, openRemotes: OpenRemotes): RemoteSubject {
    const subject = new RemoteSubject(SharedSubject.use(setUp, 'none'));
    beforeAll(async () => {
      subject.#remotes = await openRemotes(subject.executor);
    });
    afterAll(async () => {
      await subject.#remotes?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      if (subject.shared.seed.clear === undefined)
        throw new Error('A workspace with remotes can be cleared.');
      await subject.shared.seed.clear();
    });
    return subject;
  }

  get executor(): ToolExecutor {
    return this.shared.executor;
  }

  get remotes(): GitRemotes {
    if (this.#remotes === undefined) throw new Error('The git server is opened before each test.');
    return this.#remotes;
  }

  /** A repository with one commit on `main`. */
  async repository(credential?: GitCredential): Promise<{ url: string; commit: string }> {
    const url = await this.remotes.create(credential);
    return { url, commit: await this.remotes.commit(url, 'main', FILES) };
  }

  async clone(request: GitCloneRequest): Promise<GitCloneResult> {
    return unwrap(await this.executor.gitClone(request));
  }

  /** Changes a file and commits it. @returns the commit's id */
  async work(path = 'work.txt', content = 'done\n'): Promise<string> {
    unwrap(await this.executor.writeFile({ path, content }));
    return unwrap(await this.executor.gitCommit({ message: `Change ${path}` })).commit;
  }
}
