import type { FsChange } from '@shadow/protocol';

export type ChangeKind = FsChange['changes'][number]['kind'];

export type ChangeListener = (path: string, kind: ChangeKind, isDirectory: boolean) => void;

/** Tells listeners of each change of a tree, as it happens. */
export class TreeChanges {
  readonly #listeners = new Set<ChangeListener>();

  record(path: string, kind: ChangeKind, isDirectory: boolean): void {
    for (const listener of this.#listeners) listener(path, kind, isDirectory);
  }

  /** @returns ends it */
  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
