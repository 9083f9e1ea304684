const BOUNDARY = /[/\\._\-\s]/;

const SCORE_MATCH = 1;
const BONUS_BOUNDARY = 8;
const BONUS_CONSECUTIVE = 6;
const BONUS_CASE = 1;
const BONUS_BASENAME = 4;
const PENALTY_GAP = 0.2;
const PENALTY_LENGTH = 0.05;

/**
 * How well a path answers a fuzzy query: the query's characters must occur in it in order; matches at the beginning of
 * words, runs, and matches in the file's own name count more, long paths less. Words of the query, apart by white
 * space, match independently.
 *
 * @returns undefined when it does not match
 */
export function fuzzyScore(query: string, path: string): number | undefined {
  const nameStart = path.lastIndexOf('/') + 1;
  let total = -path.length * PENALTY_LENGTH;
  for (const word of query.split(/\s+/)) {
    if (word === '') continue;
    const score = wordScore(word, path, nameStart);
    if (score === undefined) return undefined;
    total += score;
  }
  return total;
}

function wordScore(word: string, path: string, nameStart: number): number | undefined {
  const exact = exactScore(word, path, nameStart);
  if (exact !== undefined) return exact;
  // A match within the name is what people mean; the whole path is the second choice.
  return subsequenceScore(word, path, nameStart, nameStart) ?? subsequenceScore(word, path, 0, nameStart);
}

/** A whole occurrence beats every scattered one. */
function exactScore(word: string, path: string, nameStart: number): number | undefined {
  const wanted = word.toLowerCase();
  const text = path.toLowerCase();
  let at = text.indexOf(wanted, nameStart);
  if (at === -1) at = text.lastIndexOf(wanted);
  if (at === -1) return undefined;
  let score = 40 + wanted.length * (SCORE_MATCH + BONUS_CONSECUTIVE);
  if (isBoundary(path, at)) score += 2 * BONUS_BOUNDARY;
  if (at >= nameStart) score += wanted.length * BONUS_BASENAME;
  const name = text.slice(nameStart);
  if (name === wanted || name.startsWith(`${wanted}.`)) score += 60;
  return score;
}

function subsequenceScore(word: string, path: string, from: number, nameStart: number): number | undefined {
  const text = path.toLowerCase();
  const wanted = word.toLowerCase();
  let score = 0;
  let previous = -1;
  let at = from;
  for (let index = 0; index < wanted.length; index += 1) {
    const found = text.indexOf(wanted.charAt(index), at);
    if (found === -1) return undefined;
    score += SCORE_MATCH;
    if (isBoundary(path, found)) score += BONUS_BOUNDARY;
    if (found === previous + 1 && index > 0) score += BONUS_CONSECUTIVE;
    else if (index > 0) score -= (found - previous) * PENALTY_GAP;
    if (path.charAt(found) === word.charAt(index)) score += BONUS_CASE;
    if (found >= nameStart) score += BONUS_BASENAME;
    previous = found;
    at = found + 1;
  }
  return score;
}

/** Whether a word begins at this character: after a separator, or at a capital in camel case. */
function isBoundary(path: string, at: number): boolean {
  if (at === 0) return true;
  const before = path.charAt(at - 1);
  const here = path.charAt(at);
  return BOUNDARY.test(before) || (/[a-z0-9]/.test(before) && /[A-Z]/.test(here));
}
