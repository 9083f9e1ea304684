import { readdir } from 'node:fs/promises';
import { ShadowError } from '@shadow/protocol';
import type { ConfinedDirectory, Confinement } from '../security/paths.ts';
import { type IgnoreRules, ignoreRulesOf, rootIgnoreRules } from './ignore-rules.ts';

/** Answers for any path whether git would ignore it, reading rule files once until told to forget them. */
export class IgnoreLookup {
  private readonly confinement: Confinement;
  private rules = new Map<string, Promise<IgnoreRules>>();

  constructor(confinement: Confinement) {
    this.confinement = confinement;
  }

  /** Reads the rule files anew from now on: one of them changed. */
  forget(): void {
    this.rules = new Map();
  }

  /**
   * @param path from the root, `/`-separated
   * @param isDirectory undefined when nothing is there any more: then a rule for either matches
   */
  async ignores(path: string, isDirectory: boolean | undefined): Promise<boolean> {
    const names = path.split('/');
    if (names.includes('.git')) return true;
    let above = '';
    for (const [index, name] of names.entries()) {
      const rules = await this.rulesOf(above);
      const below = above === '' ? name : `${above}/${name}`;
      if (index < names.length - 1) {
        if (rules.ignores(below, true)) return true;
      } else {
        return (
          (isDirectory !== true && rules.ignores(below, false)) ||
          (isDirectory !== false && rules.ignores(below, true))
        );
      }
      above = below;
    }
    return false;
  }

  private rulesOf(directory: string): Promise<IgnoreRules> {
    const known = this.rules.get(directory);
    if (known !== undefined) return known;
    const loading = this.load(directory);
    this.rules.set(directory, loading);
    return loading;
  }

  private async load(directory: string): Promise<IgnoreRules> {
    if (directory === '') {
      await using root = await this.confinement.openDirectory('.');
      return await rootIgnoreRules(root);
    }
    const slash = directory.lastIndexOf('/');
    const above = await this.rulesOf(slash === -1 ? '' : directory.slice(0, slash));
    try {
      await using opened = await this.confinement.openDirectory(directory);
      return await ignoreRulesOf(opened, above);
    } catch (thrown) {
      if (thrown instanceof ShadowError) return above;
      throw thrown;
    }
  }
}

/**
 * Directories that git ignores, the outermost ones alone: what a watcher need not look into.
 *
 * @param confinement the workspace's
 * @param limit how many at most
 */
export async function ignoredDirectories(confinement: Confinement, limit: number): Promise<string[]> {
  const found: string[] = [];
  await using root = await confinement.openDirectory('.');
  await collect(root, await rootIgnoreRules(root), found, limit);
  return found;
}

async function collect(
  directory: ConfinedDirectory,
  rules: IgnoreRules,
  found: string[],
  limit: number,
): Promise<void> {
  for (const entry of await readdir(directory.path, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === '.git') continue;
    if (found.length >= limit) return;
    const path = directory.relative === '' ? entry.name : `${directory.relative}/${entry.name}`;
    if (rules.ignores(path, true)) {
      found.push(path);
      continue;
    }
    const child = await directory.child(entry.name).catch(() => undefined);
    if (child === undefined) continue;
    await using opened = child;
    await collect(opened, await ignoreRulesOf(opened, rules), found, limit).catch(() => {});
  }
}
