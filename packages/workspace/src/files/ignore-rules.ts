import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import ignore, { type Ignore } from 'ignore';
import type { ConfinedDirectory } from '../security/paths.ts';

/** A rule file larger than this is no rule file. */
const MAX_RULE_BYTES = 1024 * 1024;

/** The ignore rules that hold in one directory: its own and those of all directories above it. */
export interface IgnoreRules {
  /**
   * @param path from the workspace's root, `/`-separated, in or below the directory of these rules
   * @param isDirectory rules that end in `/` match directories alone
   */
  ignores(path: string, isDirectory: boolean): boolean;
}

class RuleLayer implements IgnoreRules {
  private readonly base: string;
  private readonly matcher: Ignore;
  private readonly above: IgnoreRules | undefined;

  constructor(base: string, text: string, above: IgnoreRules | undefined) {
    this.base = base === '' ? '' : `${base}/`;
    this.matcher = ignore({ ignorecase: false, allowRelativePaths: false }).add(text);
    this.above = above;
  }

  ignores(path: string, isDirectory: boolean): boolean {
    const below = path.slice(this.base.length);
    const verdict = this.matcher.test(isDirectory ? `${below}/` : below);
    // The nearest file that says something decides, as in gitignore(5).
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
    return this.above?.ignores(path, isDirectory) ?? false;
  }
}

/**
 * Rules from the text of a `.gitignore`.
 *
 * @param base directory of the file, from the root; '' for the root
 * @param above the rules of its parent
 */
export function parseIgnoreRules(base: string, text: string, above: IgnoreRules): IgnoreRules {
  return new RuleLayer(base, text, above);
}

/** Rules that ignore nothing. */
export const NOTHING: IgnoreRules = { ignores: () => false };

/**
 * The rules of the root: `.git/info/exclude`, then the root's `.gitignore`.
 *
 * @param root the workspace's root, open
 */
export async function rootIgnoreRules(root: ConfinedDirectory): Promise<IgnoreRules> {
  const excludes = await readExcludes(root);
  const base = excludes === undefined ? NOTHING : new RuleLayer('', excludes, undefined);
  return ignoreRulesOf(root, base);
}

/**
 * The rules that hold in a directory.
 *
 * @param directory the directory, open
 * @param above the rules of its parent
 */
export async function ignoreRulesOf(directory: ConfinedDirectory, above: IgnoreRules): Promise<IgnoreRules> {
  const text = await readRules(`${directory.path}/.gitignore`);
  return text === undefined ? above : new RuleLayer(directory.relative, text, above);
}

async function readExcludes(root: ConfinedDirectory): Promise<string | undefined> {
  try {
    await using git = await root.child('.git');
    await using info = await git.child('info');
    return await readRules(`${info.path}/exclude`);
  } catch {
    return undefined;
  }
}

/** Git does not follow a `.gitignore` that is a link, and neither do we; what cannot be read rules nothing out. */
async function readRules(path: string): Promise<string | undefined> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  try {
    await using handle = await open(path, flags);
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > MAX_RULE_BYTES) return undefined;
    return await handle.readFile('utf8');
  } catch {
    return undefined;
  }
}
