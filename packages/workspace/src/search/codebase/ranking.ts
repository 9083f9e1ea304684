import type { Chunk } from './chunks.ts';
import type { TermTable } from './term-table.ts';
import { forEachTerm, queryIdentifiers, queryTerms, stem } from './terms.ts';

/** A chunk as the index holds it. */
export interface IndexedChunk extends Chunk {
  /** Pairs of a term's number and twice its weight: how often it occurs, more in the symbol's name and the path. */
  readonly terms: Uint32Array;
  /** Terms in all: what longer chunks are measured by. */
  readonly length: number;
}

export interface Hit {
  readonly path: string;
  readonly chunk: IndexedChunk;
  readonly score: number;
}

/** BM25's usual constants (Robertson and Zaragoza, 2009). */
const K1 = 2;
const B = 0.75;

/** Part of the average length that a chunk counts as having at least. */
const MIN_LENGTH = 0.5;
const SYMBOL_WEIGHT = 4;
const PATH_WEIGHT = 1.5;
/** A query that names a symbol means that symbol. */
const NAMED_BONUS = 2.5;
/** Shorter lists of places are not worth going through. */
const MIN_COMPACTED = 64;
/** Part of the score that hangs on how much of the question a chunk answers at all. */
const COVERAGE = 0.5;
const TYPE_PREFERENCE = 0.5;
const TEST_PATH =
  /(?:^|[/._-])(?:tests?|specs?|__tests__|fixtures?|locales?|examples?|bench(?:marks?)?)(?:[/._-]|$)/i;
const DOCUMENT_PATH = /\.(?:md|mdx|txt|rst|json|ya?ml|toml|lock|css|html?|svg|map|d\.[cm]?ts)$/i;

/** Where a term occurs. */
interface Posting {
  /** Pairs of a chunk's number and twice the term's weight there; of chunks that are gone, too. */
  places: number[];
  /** Chunks that are there. */
  count: number;
}

/** Counts the terms of a chunk. @param table numbers them */
export function indexChunk(path: string, chunk: Chunk, text: string, table: TermTable): IndexedChunk {
  const weights = new Map<number, number>();
  let length = 0;
  const add = (weight: number) => (term: string) => {
    const number = table.numberOf(term);
    weights.set(number, (weights.get(number) ?? 0) + 2 * weight);
  };
  const addOnce = add(1);
  forEachTerm(text, (term) => {
    length += 1;
    addOnce(term);
  });
  if (chunk.symbol !== undefined) forEachTerm(chunk.symbol, add(SYMBOL_WEIGHT));
  forEachTerm(path, add(PATH_WEIGHT));
  return { ...chunk, terms: Uint32Array.from([...weights].flat()), length };
}

/** An inverted index of chunks, ranked by BM25 with a preference for names that were asked for. */
export class ChunkRanking {
  private readonly table: TermTable;
  /** The chunks' numbers, by file. */
  private readonly files = new Map<string, readonly number[]>();
  /** Each chunk at its number; numbers of chunks that are gone are not given again. */
  private readonly chunks: ({ path: string; chunk: IndexedChunk } | undefined)[] = [];
  private readonly postings = new Map<number, Posting>();
  private chunkCount = 0;
  private totalLength = 0;

  /** @param table the numbers of terms that its chunks are made with */
  constructor(table: TermTable) {
    this.table = table;
  }

  get fileCount(): number {
    return this.files.size;
  }

  /** Puts a file's chunks in place of those it had. */
  set(path: string, chunks: readonly IndexedChunk[]): void {
    this.delete(path);
    const numbers: number[] = [];
    for (const chunk of chunks) {
      const number = this.chunks.push({ path, chunk }) - 1;
      numbers.push(number);
      this.chunkCount += 1;
      this.totalLength += chunk.length;
      for (const [term, weight] of pairsOf(chunk.terms)) {
        const posting = this.postings.get(term) ?? { places: [], count: 0 };
        posting.places.push(number, weight);
        posting.count += 1;
        this.postings.set(term, posting);
      }
    }
    this.files.set(path, numbers);
  }

  delete(path: string): void {
    for (const number of this.files.get(path) ?? []) {
      const gone = this.chunks[number];
      if (gone === undefined) continue;
      this.chunks[number] = undefined;
      this.chunkCount -= 1;
      this.totalLength -= gone.chunk.length;
      for (const [term] of pairsOf(gone.chunk.terms)) this.forgetPlace(term);
    }
    this.files.delete(path);
  }

  /** What is gone stays in a list until it is half of it: single removals would each go through all of it. */
  private forgetPlace(term: number): void {
    const posting = this.postings.get(term);
    if (posting === undefined) return;
    posting.count -= 1;
    if (posting.count === 0) this.postings.delete(term);
    else if (posting.places.length > 4 * posting.count + MIN_COMPACTED) {
      posting.places = [...pairsOf(posting.places)]
        .filter(([number]) => this.chunks[number] !== undefined)
        .flat();
    }
  }

  /**
   * The best chunks for a query, best first.
   *
   * @param query a question or a symbol's name
   * @param limit how many
   * @param within only files under this directory, or this file
   */
  search(query: string, limit: number, within: string): Hit[] {
    const terms = queryTerms(query);
    const scores = new Map<number, { score: number; covered: number }>();
    let wanted = 0;
    for (const term of terms) {
      const number = this.table.find(term);
      const posting = number === undefined ? undefined : this.postings.get(number);
      const rarity = this.rarity(posting?.count ?? 0);
      wanted += rarity;
      for (const [place, weight] of pairsOf(posting?.places ?? [])) {
        const found = this.chunks[place];
        if (found === undefined || !isWithin(found.path, within)) continue;
        const entry = scores.get(place) ?? { score: 0, covered: 0 };
        entry.score += rarity * this.saturation(found.chunk, weight / 2);
        entry.covered += rarity;
        scores.set(place, entry);
      }
    }
    const identifiers = queryIdentifiers(query);
    const aboutTests = terms.includes(stem('test'));
    const hits = [...scores].flatMap(([place, { score, covered }]): Hit[] => {
      const found = this.chunks[place];
      if (found === undefined) return [];
      const preference = preferenceFor(found.path, found.chunk, identifiers, aboutTests);
      return [{ ...found, score: score * (1 - COVERAGE + (COVERAGE * covered) / wanted) * preference }];
    });
    return hits.sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1)).slice(0, limit);
  }

  private rarity(count: number): number {
    return Math.log(1 + (this.chunkCount - count + 0.5) / (count + 0.5));
  }

  private saturation(chunk: IndexedChunk, weight: number): number {
    const average = this.totalLength / Math.max(this.chunkCount, 1);
    // A one-line alias is not better for being short.
    const length = Math.max(chunk.length, average * MIN_LENGTH);
    return (weight * (K1 + 1)) / (weight + K1 * (1 - B + (B * length) / Math.max(average, 1)));
  }
}

function preferenceFor(
  path: string,
  chunk: Chunk,
  identifiers: ReadonlySet<string>,
  aboutTests: boolean,
): number {
  let preference = 1;
  const symbol = chunk.symbol?.toLowerCase();
  if (
    symbol !== undefined &&
    (identifiers.has(symbol) || identifiers.has(symbol.slice(symbol.lastIndexOf('.') + 1)))
  ) {
    preference *= NAMED_BONUS;
  }
  if (chunk.symbol === undefined) preference *= 0.8;
  if (chunk.isType === true) preference *= TYPE_PREFERENCE;
  if (!aboutTests && TEST_PATH.test(path)) preference *= 0.5;
  if (DOCUMENT_PATH.test(path)) preference *= 0.6;
  return preference;
}

function* pairsOf(list: ArrayLike<number>): Generator<[number, number]> {
  for (let at = 0; at + 1 < list.length; at += 2) yield [list[at] ?? 0, list[at + 1] ?? 0];
}

function isWithin(path: string, directory: string): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`);
}
