import type { Chunk } from './chunks.ts';
import { forEachTerm, queryIdentifiers, queryTerms, stem } from './terms.ts';

/** A chunk as the index holds it. */
export interface IndexedChunk extends Chunk {
  /** How often each term occurs; in the name of the symbol and the path it counts more. */
  readonly terms: ReadonlyMap<string, number>;
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
/** Part of the score that hangs on how much of the question a chunk answers at all. */
const COVERAGE = 0.5;
const TYPE_PREFERENCE = 0.5;
const TEST_PATH =
  /(?:^|[/._-])(?:tests?|specs?|__tests__|fixtures?|locales?|examples?|bench(?:marks?)?)(?:[/._-]|$)/i;
const DOCUMENT_PATH = /\.(?:md|mdx|txt|rst|json|ya?ml|toml|lock|css|html?|svg|map|d\.[cm]?ts)$/i;

interface Posting {
  readonly path: string;
  readonly chunk: IndexedChunk;
  readonly weight: number;
}

/** Counts the terms of a chunk. */
export function indexChunk(path: string, chunk: Chunk, text: string): IndexedChunk {
  const terms = new Map<string, number>();
  let length = 0;
  const add = (weight: number) => (term: string) => {
    terms.set(term, (terms.get(term) ?? 0) + weight);
  };
  forEachTerm(text, (term) => {
    length += 1;
    terms.set(term, (terms.get(term) ?? 0) + 1);
  });
  if (chunk.symbol !== undefined) forEachTerm(chunk.symbol, add(SYMBOL_WEIGHT));
  forEachTerm(path, add(PATH_WEIGHT));
  return { ...chunk, terms, length };
}

/** An inverted index of chunks, ranked by BM25 with a preference for names that were asked for. */
export class ChunkRanking {
  private readonly files = new Map<string, readonly IndexedChunk[]>();
  private readonly postings = new Map<string, Map<IndexedChunk, Posting>>();
  private chunkCount = 0;
  private totalLength = 0;

  get fileCount(): number {
    return this.files.size;
  }

  /** Puts a file's chunks in place of those it had. */
  set(path: string, chunks: readonly IndexedChunk[]): void {
    this.delete(path);
    this.files.set(path, chunks);
    for (const chunk of chunks) {
      this.chunkCount += 1;
      this.totalLength += chunk.length;
      for (const [term, weight] of chunk.terms) {
        const list = this.postings.get(term) ?? new Map<IndexedChunk, Posting>();
        list.set(chunk, { path, chunk, weight });
        this.postings.set(term, list);
      }
    }
  }

  delete(path: string): void {
    for (const chunk of this.files.get(path) ?? []) {
      this.chunkCount -= 1;
      this.totalLength -= chunk.length;
      for (const term of chunk.terms.keys()) {
        const list = this.postings.get(term);
        list?.delete(chunk);
        if (list?.size === 0) this.postings.delete(term);
      }
    }
    this.files.delete(path);
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
    const scores = new Map<IndexedChunk, { path: string; score: number; covered: number }>();
    let wanted = 0;
    for (const term of terms) {
      const list = this.postings.get(term);
      const rarity = this.rarity(list?.size ?? 0);
      wanted += rarity;
      for (const posting of list?.values() ?? []) {
        if (!isWithin(posting.path, within)) continue;
        const entry = scores.get(posting.chunk) ?? { path: posting.path, score: 0, covered: 0 };
        entry.score += rarity * this.saturation(posting);
        entry.covered += rarity;
        scores.set(posting.chunk, entry);
      }
    }
    const identifiers = queryIdentifiers(query);
    const aboutTests = terms.includes(stem('test'));
    const hits = [...scores].map(([chunk, { path, score, covered }]): Hit => {
      const preference = preferenceFor(path, chunk, identifiers, aboutTests);
      return { path, chunk, score: score * (1 - COVERAGE + (COVERAGE * covered) / wanted) * preference };
    });
    return hits.sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1)).slice(0, limit);
  }

  private rarity(count: number): number {
    return Math.log(1 + (this.chunkCount - count + 0.5) / (count + 0.5));
  }

  private saturation({ chunk, weight }: Posting): number {
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

function isWithin(path: string, directory: string): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`);
}
