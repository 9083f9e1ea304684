import { type SearchFilesRequest, type SearchFilesResult, ShadowError } from '@shadow/protocol';
import { fuzzyScore } from './fuzzy.ts';
import { LineReader } from './line-reader.ts';
import { runRipgrep } from './ripgrep.ts';
import { openSearchPlace, type SearchPlace, type SearchScope } from './search-place.ts';

const DEFAULT_LIMIT = 50;
const GLOB_CHARACTERS = /[*?[]/;
/** Names looked at; a workspace beyond it is answered in part. */
const MAX_FILES = 500_000;

/**
 * Finds files by name: ranked by a fuzzy query, or by a glob in order of names. Without what git ignores.
 *
 * @throws ShadowError PATTERN_INVALID for a glob that is none, FILE_NOT_FOUND and NOT_A_DIRECTORY for the path
 */
export async function findFiles(
  scope: SearchScope,
  request: SearchFilesRequest,
  signal: AbortSignal | undefined,
): Promise<SearchFilesResult> {
  await using place = await openSearchPlace(scope, request.path);
  if (place.filePath !== undefined) {
    throw new ShadowError('NOT_A_DIRECTORY', `${place.filePath} is a file, not a directory to search in.`);
  }
  const glob = globOf(request.query);
  const { paths, complete } = await listFiles(scope, place, glob, signal);
  const found = selectNames(request, paths, place.prefix);
  return { ...found, truncated: !complete || found.truncated };
}

/** The query as a glob; undefined when it is a fuzzy one. */
export function globOf(query: string): string | undefined {
  return GLOB_CHARACTERS.test(query) ? query : undefined;
}

/**
 * Orders names and keeps as many as were asked for.
 *
 * @param paths candidates; those of a glob match it already
 * @param prefix what is the same at the beginning of all, and does not count
 */
export function selectNames(request: SearchFilesRequest, paths: string[], prefix: string): SearchFilesResult {
  const isGlob = globOf(request.query) !== undefined;
  const ranked = isGlob ? paths.sort() : rank(request.query, paths, prefix);
  const limit = request.limit ?? DEFAULT_LIMIT;
  return { paths: ranked.slice(0, limit), truncated: ranked.length > limit };
}

/**
 * Every file of the workspace that git does not ignore, in no order.
 *
 * @param place where to look
 * @param glob only files that match it
 */
export async function listFiles(
  scope: SearchScope,
  place: SearchPlace,
  glob: string | undefined,
  signal: AbortSignal | undefined,
): Promise<{ paths: string[]; complete: boolean }> {
  const paths: string[] = [];
  const names = new LineReader(0);
  const globs = [...(glob === undefined ? [] : [`--glob=${glob}`]), '--glob=!.git'];
  const outcome = await runRipgrep({
    args: [...place.args, '--files', '--null', ...globs, '--', './'],
    cwd: place.directory.path,
    runAs: scope.runAs,
    environment: scope.environment,
    signal,
    onOutput: (chunk) => {
      for (const name of names.push(chunk)) {
        const text = name.toString('utf8');
        paths.push(place.prefix + (text.startsWith('./') ? text.slice(2) : text));
      }
      return paths.length < MAX_FILES;
    },
  });
  if (outcome.exitCode === 2 && outcome.stderr !== '' && paths.length === 0) {
    throw new ShadowError(
      'PATTERN_INVALID',
      `The glob is not valid. ${outcome.stderr.trim().slice(0, 2_000)}`,
    );
  }
  return { paths, complete: paths.length < MAX_FILES };
}

function rank(query: string, paths: readonly string[], prefix: string): string[] {
  const scored = paths.flatMap((path) => {
    const score = fuzzyScore(query, path.slice(prefix.length));
    return score === undefined ? [] : [{ path, score }];
  });
  scored.sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1));
  return scored.map(({ path }) => path);
}
