import { chmod, chown, lstat, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunAs } from '../context.ts';

/** What git shares between work trees besides its config: these stay the workspace's own. */
const SHARED = ['objects', 'refs', 'packed-refs', 'reftable', 'logs', 'info', 'shallow'];

/** Where the temporary files of calls are, in a directory of this kind. */
export function scratchPlace(directory: string): string {
  return join(directory, 'scratch');
}

/**
 * The directory that git takes for the repository's common one (GIT_COMMON_DIR in git(1)): objects and refs in it are
 * links to the workspace's, the config is ours. So git never reads the workspace's own config, whatever is written
 * there and however it changes meanwhile: no filter, alias, helper, hook path, driver or include of it exists for the
 * git that we run.
 */
export class PrivateGitDirectory implements AsyncDisposable {
  private readonly gitDirectory: string;
  private readonly runAs: RunAs | undefined;
  private made: Promise<string> | undefined;
  private config = '';

  /**
   * @param root real path of the workspace
   * @param runAs who runs git and must be able to read what is made here
   */
  constructor(root: string, runAs: RunAs | undefined) {
    this.gitDirectory = join(root, '.git');
    this.runAs = runAs;
  }

  /**
   * Path of the directory, with a config of this text in it.
   *
   * @param config what git shall read as the repository's config
   */
  async path(config: string): Promise<string> {
    const path = await this.directory();
    if (this.config !== config) {
      const fresh = join(path, `config.${process.hrtime.bigint()}`);
      await writeFile(fresh, config, { mode: 0o644 });
      await rename(fresh, join(path, 'config'));
      this.config = config;
    }
    return path;
  }

  /** A directory for the temporary files of one call, which whoever runs git may write to. */
  async scratch(): Promise<string> {
    const path = await mkdtemp(join(scratchPlace(await this.directory()), 's-'));
    if (this.runAs !== undefined) await chown(path, this.runAs.uid, this.runAs.gid);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const made = this.made;
    this.made = undefined;
    this.config = '';
    if (made !== undefined) await rm(await made, { recursive: true, force: true });
  }

  private async directory(): Promise<string> {
    this.made ??= this.make();
    const path = await this.made;
    if ((await lstat(join(path, 'objects')).catch(() => undefined)) !== undefined) return path;
    // Somebody cleaned up the system's temporary directory.
    this.made = this.make();
    this.config = '';
    return await this.made;
  }

  private async make(): Promise<string> {
    // Not in the state directory: the unprivileged user that runs git need not be able to get there.
    const path = await mkdtemp(join(tmpdir(), 'shadow-git-'));
    await chmod(path, 0o755);
    await Promise.all(SHARED.map((name) => symlink(join(this.gitDirectory, name), join(path, name))));
    await mkdir(join(path, 'hooks'), { mode: 0o755 });
    await mkdir(scratchPlace(path), { mode: 0o755 });
    return path;
  }
}
