import { ShadowError } from '@shadow/protocol';
import { NOTHING, parseIgnoreRules } from '@shadow/workspace/semantics';

/**
 * Whether a path matches a glob as ripgrep takes it: the rules of a line in a .gitignore.
 *
 * @throws ShadowError PATTERN_INVALID for a class that is not closed
 */
export function globMatcher(glob: string): (path: string) => boolean {
  if (/\[[^\]]*$/.test(glob)) {
    throw new ShadowError('PATTERN_INVALID', `The glob is not valid. ${glob} has an unclosed class.`);
  }
  const rules = parseIgnoreRules('', glob, NOTHING);
  return (path) =>
    path.split('/').some((_name, index, names) => {
      const isLast = index === names.length - 1;
      return rules.ignores(names.slice(0, index + 1).join('/'), !isLast);
    });
}

/** Whether a path is chosen by globs: the last one that matches decides, a leading `!` excludes. */
export function chosenBy(globs: readonly string[]): (path: string) => boolean {
  const rules = globs.map((glob) => {
    const excludes = glob.startsWith('!');
    return { excludes, matches: globMatcher(excludes ? glob.slice(1) : glob) };
  });
  const unnamed = rules.every(({ excludes }) => excludes);
  return (path) => {
    const decisive = rules.findLast(({ matches }) => matches(path));
    return decisive === undefined ? unnamed : !decisive.excludes;
  };
}
