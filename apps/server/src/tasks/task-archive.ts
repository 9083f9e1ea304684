import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Task as TaskRow } from '@shadow/db';
import { GitDiffResult, ShadowError, unwrap } from '@shadow/protocol';
import type { WorkspaceManager } from '../execution/interfaces/workspace-manager.ts';

/** What is kept of a task's work when its workspace goes, and what stands against letting it go. */
export class TaskArchive {
  readonly #directory: string;
  readonly #workspaces: WorkspaceManager;

  /** @param directory holds bundles and diffs, `<task id>.bundle` and `<task id>.diff.json` */
  constructor(directory: string, workspaces: WorkspaceManager) {
    this.#directory = directory;
    this.#workspaces = workspaces;
  }

  /**
   * Writes the work into a bundle, and the diff beside it.
   * @param readDiff the task's diff, read once everything is committed
   * @returns the bundle's path, null when there was nothing to keep
   */
  async keep(task: TaskRow, readDiff: () => Promise<GitDiffResult>): Promise<string | null> {
    if (task.baseCommit === null) return null;
    const kept = await this.#workspaces.archiveWorkspace(task.id, task.baseCommit);
    // An archiving that was cut off after its workspace had gone left the bundle whole.
    if (!kept.success && kept.error.code === 'WORKSPACE_LOST') return this.#earlierBundle(task.id);
    const { bundlePath } = unwrap(kept);
    await this.keepDiff(task.id, await readDiff());
    return bundlePath;
  }

  /** Keeps a task's diff for as long as its workspace cannot be asked. */
  async keepDiff(taskId: string, diff: GitDiffResult): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#diffFile(taskId);
    await writeFile(`${path}.new`, JSON.stringify(diff), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  /** The diff of an archived or suspended task. @throws ShadowError of what it means that none was kept */
  async diff(taskId: string, path: string | undefined, isArchived: boolean): Promise<GitDiffResult> {
    const stored = await readFile(this.#diffFile(taskId), 'utf8').catch(() => undefined);
    if (stored === undefined) throw isArchived ? noDiff() : asleep();
    const diff = GitDiffResult.parse(JSON.parse(stored));
    return path === undefined ? diff : { ...diff, files: diff.files.filter((file) => file.path === path) };
  }

  /** Forgets the diff of a task that is deleted or can be asked again; its bundle stays, for it may be the only copy of the work. */
  async forget(taskId: string): Promise<void> {
    await rm(this.#diffFile(taskId), { force: true });
  }

  /** @throws ShadowError WORKSPACE_HAS_UNSAVED_WORK */
  async refuseUnsavedWork(task: TaskRow): Promise<void> {
    if (task.baseCommit === null) return;
    const unsaved = await this.#workspaces.getUnsavedWork(task.id, task.baseCommit);
    // A workspace that is gone holds nothing; one that cannot be read may hold something.
    if (!unsaved.success && unsaved.error.code === 'WORKSPACE_LOST') return;
    const { uncommitted, commits } = unwrap(unsaved);
    if (!uncommitted && commits === 0) return;
    throw new ShadowError(
      'WORKSPACE_HAS_UNSAVED_WORK',
      'The workspace holds work that is neither pushed nor archived. Archive the task to keep it, or discard it.',
      { details: { uncommitted, commits } },
    );
  }

  #earlierBundle(taskId: string): Promise<string | null> {
    const path = join(this.#directory, `${taskId}.bundle`);
    return access(path).then(
      () => path,
      () => null,
    );
  }

  #diffFile(taskId: string): string {
    return join(this.#directory, `${taskId}.diff.json`);
  }
}

function noDiff(): ShadowError {
  return new ShadowError('WORKSPACE_LOST', 'No diff was kept for this task.');
}

function asleep(): ShadowError {
  return new ShadowError(
    'WORKSPACE_NOT_READY',
    'Nothing runs in the workspace now, and no diff was kept when its pod went. The next message brings it back.',
  );
}
