/** Words of questions that say nothing about what is looked for. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about after all am an and any are as at be been before being between but by can code could defined definition did do
  does doing find for from get gets given go happen happens has have how i if implement implementation implemented
  implements in into is it its let like located look make makes me my no not of on one or our out own place project show
  so some such tell than that the their them then there these they thing this those to up us use used using want was way
  we were what when where whether which while who why will with work works would you your`.split(/\s+/),
);

const WORD = /[\p{L}\p{N}_$]+/gu;
const MAX_TERM_LENGTH = 40;

/**
 * The terms of a piece of code or text: each identifier whole and in its parts (`readFileSync`, `read`, `file`, `sync`;
 * `MAX_SIZE`, `max`, `size`), in lower case and without the commonest endings.
 *
 * @param text any text
 * @param found told each term, as often as it occurs
 */
export function forEachTerm(text: string, found: (term: string) => void): void {
  for (const [word] of text.matchAll(WORD)) {
    const parts = splitIdentifier(word);
    if (parts.length > 1 && word.length <= MAX_TERM_LENGTH) found(word.toLowerCase().replace(/[_$]/g, ''));
    for (const part of parts) if (part.length > 1 && part.length <= MAX_TERM_LENGTH) found(stem(part));
  }
}

/**
 * The terms of a question, each once, its empty words left out (unless there are no others).
 *
 * @param query a question or a symbol's name
 */
export function queryTerms(query: string): string[] {
  const all = new Set<string>();
  forEachTerm(query, (term) => all.add(term));
  const telling = [...all].filter((term) => !STOP_WORDS.has(term));
  return telling.length > 0 ? telling : [...all];
}

/** Words of a question that look like a symbol's name, in lower case. */
export function queryIdentifiers(query: string): Set<string> {
  const words = query.match(/[\p{L}\p{N}_$]+/gu) ?? [];
  if (words.length === 1) return new Set(words.map((word) => word.toLowerCase()));
  return new Set(
    words.filter((word) => /[a-z][A-Z]|_|\$|^[A-Z].*[A-Z]/.test(word)).map((word) => word.toLowerCase()),
  );
}

/** Parts of an identifier in lower case: at capitals, digits, `_` and `$`. */
export function splitIdentifier(word: string): string[] {
  return word
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[\s_$]+/)
    .filter((part) => part !== '')
    .map((part) => part.toLowerCase());
}

/** A word without the endings that English questions and code differ in; applied to both alike. */
export function stem(word: string): string {
  if (word.length > 5 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (word.length > 6 && word.endsWith('ing')) return undouble(word.slice(0, -3));
  if (word.length > 5 && word.endsWith('ed')) return undouble(word.slice(0, -2));
  if (word.length > 5 && /(?:s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2);
  if (word.length > 3 && word.endsWith('s') && !/(?:ss|us|is)$/.test(word)) return dropE(word.slice(0, -1));
  return dropE(word);
}

/** `parse` and `parsing` meet at `pars`, `stop` and `stopped` at `stop`. */
function undouble(word: string): string {
  return /([bdgklmnprt])\1$/.test(word) ? word.slice(0, -1) : dropE(word);
}

function dropE(word: string): string {
  return word.length > 4 && word.endsWith('e') ? word.slice(0, -1) : word;
}
