/** Endings that words of one family differ in, the longer ones first; what is left must still be a word's body. */
const ENDINGS =
  /(?:ifications?|izations?|ations?|ators?|itions?|ifiers?|ability|ities|ified|ifies|ifying|ity|able|ible|ments?|ness|ingly|ings?|edly|ally|ively|ions?|ors?|ers?|ies|ied|ates?|ated|ized?|izes|ify|ive|ed|es|al|ly|s|y|e)$/;

/** Words of questions that say nothing about what is looked for. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about after all am an and any are as at be been before being between but by can code could defined definition did do
  does doing find for from get gets given go happen happens has have how i if implement implementation implemented
  implements in into is it its let like located look make makes me my no not of on one or our out own place project show
  so some such tell than that the their them then there these they thing this those to up us use used using want was way
  we were what when where whether which while who why will with work works would you your`
    .split(/\s+/)
    .map(stem),
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

/** Parts of an identifier in lower case: at capitals, `_` and `$`; the plural of an acronym (`URLs`) is the acronym. */
export function splitIdentifier(word: string): string[] {
  return word
    .replace(/(\p{Lu}{2})s(?![\p{Ll}\p{N}])/gu, '$1')
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[\s_$]+/)
    .filter((part) => part !== '')
    .map((part) => part.toLowerCase());
}

/**
 * A word without its ending, so that `valid`, `validate`, `validation` and `validity` meet; applied to questions and code
 * alike, it need not be a word itself.
 */
export function stem(word: string): string {
  if (word.length < 4 || /(?:ss|us|is)$/.test(word)) return word;
  const body = word.replace(ENDINGS, '');
  if (body.length < 3) return word;
  return /([bdgklmnprt])\1$/.test(body) ? body.slice(0, -1) : body;
}
