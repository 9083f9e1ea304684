import { type GrepSearchRequest, type GrepSearchResult, ShadowError } from '@shadow/protocol';
import { LineReader } from './line-reader.ts';
import { MatchCollector } from './match-collector.ts';
import { type RipgrepOutcome, runRipgrep } from './ripgrep.ts';
import { readEvent } from './ripgrep-json.ts';
import { openSearchPlace, type SearchScope } from './search-place.ts';

/** Matching lines returned unless the request says otherwise. */
export const DEFAULT_LIMIT = 200;

/**
 * Searches contents with ripgrep. With more matches than the limit, which files they are from is chance (ripgrep works
 * on many at once); matches come sorted by path and line.
 *
 * @throws ShadowError PATTERN_INVALID in ripgrep's own words, FILE_NOT_FOUND for the path
 */
export async function grep(
  scope: SearchScope,
  request: GrepSearchRequest,
  signal: AbortSignal | undefined,
): Promise<GrepSearchResult> {
  await using place = await openSearchPlace(scope, request.path);
  const collector = new MatchCollector(place, request.limit ?? DEFAULT_LIMIT, request.contextLines ?? 0);
  const lines = new LineReader(0x0a);
  const outcome = await runRipgrep({
    args: [...place.args, ...grepArguments(request), '--', place.file === undefined ? './' : '-'],
    cwd: place.directory.path,
    ...(place.file === undefined ? {} : { input: place.file }),
    runAs: scope.runAs,
    environment: scope.environment,
    signal,
    onOutput: (chunk) => {
      for (const line of lines.push(chunk)) {
        collector.take(readEvent(line));
        if (collector.full) return false;
      }
      return true;
    },
  });
  if (outcome.exitCode === 2 && outcome.stderr !== '' && !collector.any) throw patternInvalid(outcome);
  return collector.result();
}

function grepArguments(request: GrepSearchRequest): string[] {
  const limit = request.limit ?? DEFAULT_LIMIT;
  return [
    '--json',
    `--max-count=${limit + 1}`,
    `--context=${request.contextLines ?? 0}`,
    request.caseSensitive === false ? '--ignore-case' : '--case-sensitive',
    ...(request.literal === true ? ['--fixed-strings'] : []),
    ...(request.multiline === true ? ['--multiline', '--multiline-dotall'] : []),
    ...(request.globs ?? []).map((glob) => `--glob=${glob}`),
    // Later globs win: nothing that was asked for opens `.git`.
    '--glob=!.git',
    `--regexp=${request.pattern}`,
  ];
}

function patternInvalid(outcome: RipgrepOutcome): ShadowError {
  const words = outcome.stderr.trim().slice(0, 2_000);
  return new ShadowError('PATTERN_INVALID', `The pattern or a glob is not valid. ${words}`, {
    details: { reason: words },
  });
}
