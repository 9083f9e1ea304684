import { lstat } from 'node:fs/promises';
import type { CodeSnippet } from '@shadow/protocol';
import { ShadowError } from '@shadow/protocol';
import { readBytes } from '../../files/read-bytes.ts';
import { decodeText } from '../../files/text.ts';
import { listFiles } from '../file-names.ts';
import { openSearchPlace, type SearchScope } from '../search-place.ts';
import { chunksOf } from './chunks.ts';
import { loadIndex, type StoredFile, saveIndex } from './index-file.ts';
import { Parsers } from './languages.ts';
import { ChunkRanking, type Hit, type IndexedChunk, indexChunk } from './ranking.ts';
import { TermTable } from './term-table.ts';

/** Larger files are data, or generated: nobody asks questions about those. */
const MAX_FILE_BYTES = 512 * 1024;
/** A text whose lines are longer than this on average is minified. */
const MAX_AVERAGE_LINE = 300;
const MAX_FILES = 50_000;
/** From a change to the index on disk. */
const SAVE_AFTER_MS = 5000;
const NOT_CODE =
  /(?:^|\/)(?:package-lock\.json|pnpm-lock\.yaml|yarn\.lock|Cargo\.lock|go\.sum|poetry\.lock)$|\.(?:map|svg|snap|csv|min\.js)$/i;
/** Chunks of one file among the results: more of the same would crowd out the others. */
const MAX_PER_FILE = 3;

export interface CodeIndexSettings {
  readonly scope: SearchScope;
  readonly stateDir: string;
  /** Whether there is memory for another file; without it there always is. */
  readonly hasRoom?: () => boolean;
  /** Files read and taken apart at a time. */
  readonly atOnce: number;
}

export interface CodeIndexAnswer {
  readonly snippets: CodeSnippet[];
  readonly filesIndexed: number;
  readonly complete: boolean;
  readonly full: boolean;
}

/** The index of one workspace's code: in memory for queries, on disk for the next start. */
export class CodeIndex {
  private readonly settings: CodeIndexSettings;
  private readonly terms = new TermTable();
  private readonly ranking = new ChunkRanking(this.terms);
  private readonly parsers = new Parsers();
  private readonly known = new Map<string, KnownFile>();
  private building: Promise<void> | undefined;
  private built = false;
  private full = false;
  private changed = false;
  private saving: NodeJS.Timeout | undefined;

  constructor(settings: CodeIndexSettings) {
    this.settings = settings;
  }

  /** Brings the whole index up to date with the files; what has not changed since it was stored is not read again. */
  build(): Promise<void> {
    this.building ??= this.buildNow().finally(() => {
      this.building = undefined;
    });
    return this.building;
  }

  /**
   * Brings single files up to date.
   *
   * @param paths files that were made, changed or deleted; of a directory, everything below it
   */
  async update(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      for (const known of [...this.known.keys()]) if (known.startsWith(`${path}/`)) await this.refresh(known);
      await this.refresh(path);
    }
    this.saveLater();
  }

  /** Answers a query from what is indexed so far. */
  async search(query: string, limit: number, within: string): Promise<CodeIndexAnswer> {
    let hits = this.spread(this.ranking.search(query, limit * 4 + 20, within), limit);
    // What the watcher has not told us yet must not show: lines would be the wrong ones.
    const stale = await this.refreshAll(new Set(hits.map((hit) => hit.path)));
    if (stale) hits = this.spread(this.ranking.search(query, limit * 4 + 20, within), limit);
    const snippets: CodeSnippet[] = [];
    for (const hit of hits) {
      const snippet = await this.snippetOf(hit);
      if (snippet !== undefined) snippets.push(snippet);
    }
    const { built, full } = this;
    return { snippets, filesIndexed: this.ranking.fileCount, complete: built && !full, full };
  }

  private async buildNow(): Promise<void> {
    const { scope, stateDir, atOnce } = this.settings;
    if (this.terms.terms.length === 0) await this.load(stateDir);
    await using place = await openSearchPlace(scope, undefined);
    const { paths, complete } = await listFiles(scope, place, undefined, undefined);
    const code = paths.filter((path) => !NOT_CODE.test(path));
    const present = new Set(code.slice(0, MAX_FILES));
    for (const path of this.known.keys()) if (!present.has(path)) this.forget(path);
    this.full = !complete || code.length > MAX_FILES;
    await eachOf(present, atOnce, (path) => this.refresh(path));
    this.built = true;
    await this.save();
  }

  private async refreshAll(paths: ReadonlySet<string>): Promise<boolean> {
    let any = false;
    for (const path of paths) any = (await this.refresh(path)) || any;
    return any;
  }

  /** Reads a file again if it is not as it was indexed, and there is room; true when that changed the index. */
  private async refresh(path: string): Promise<boolean> {
    const stamp = await this.stampOf(path);
    if (stamp === undefined) return this.forget(path);
    if (this.known.get(path)?.stamp === stamp) return false;
    if (!this.hasRoom()) {
      this.full = true;
      return this.forget(path);
    }
    const text = await this.textOf(path);
    if (text === undefined) return this.forget(path);
    const lines = text.split('\n');
    const parser = await this.parsers.forFile(path).catch(() => undefined);
    const chunks = chunksOf(parser, text).map((chunk) =>
      indexChunk(path, chunk, lines.slice(chunk.startLine - 1, chunk.endLine).join('\n'), this.terms),
    );
    this.ranking.set(path, chunks);
    this.known.set(path, { stamp, chunks });
    this.changed = true;
    return true;
  }

  private hasRoom(): boolean {
    return this.settings.hasRoom?.() ?? true;
  }

  private forget(path: string): boolean {
    if (!this.known.delete(path)) return false;
    this.ranking.delete(path);
    this.changed = true;
    return true;
  }

  /** Takes the index from disk. Its numbers of terms hold, as this one has none yet. */
  private async load(stateDir: string): Promise<void> {
    const whole = await loadIndex(
      stateDir,
      (terms) => {
        for (const term of terms) this.terms.numberOf(term);
      },
      ({ path, stamp, chunks }) => {
        // It was written by a thread that had more.
        if (!this.hasRoom()) return;
        const unpacked = chunks.map(unstored);
        this.known.set(path, { stamp, chunks: unpacked });
        this.ranking.set(path, unpacked);
      },
    );
    if (!whole) for (const path of [...this.known.keys()]) this.forget(path);
  }

  /** What tells one version of a file from another; undefined for what is not indexed. */
  private async stampOf(path: string): Promise<string | undefined> {
    if (NOT_CODE.test(path)) return undefined;
    try {
      await using place = await this.settings.scope.confinement.resolve(path, { follow: false });
      const stats = await lstat(place.path);
      if (!stats.isFile() || stats.size > MAX_FILE_BYTES || stats.size === 0) return undefined;
      return `${stats.size}:${stats.mtimeMs}:${stats.ino}`;
    } catch {
      return undefined;
    }
  }

  private async textOf(path: string): Promise<string | undefined> {
    try {
      await using place = await this.settings.scope.confinement.resolve(path, { follow: false });
      const { bytes } = await readBytes(place, this.settings.scope.runAs, undefined);
      const text = decodeText(bytes)?.text;
      if (text === undefined || text.length / text.split('\n').length > MAX_AVERAGE_LINE) return undefined;
      return text;
    } catch (thrown) {
      if (thrown instanceof ShadowError) return undefined;
      throw thrown;
    }
  }

  private spread(hits: readonly Hit[], limit: number): Hit[] {
    const perFile = new Map<string, number>();
    const kept = hits.filter(({ path }) => {
      const count = (perFile.get(path) ?? 0) + 1;
      perFile.set(path, count);
      return count <= MAX_PER_FILE;
    });
    return kept.slice(0, limit);
  }

  private async snippetOf({ path, chunk, score }: Hit): Promise<CodeSnippet | undefined> {
    const text = await this.textOf(path);
    if (text === undefined) return undefined;
    const { startLine, endLine, symbol } = chunk;
    const content = text
      .split('\n')
      .slice(startLine - 1, endLine)
      .join('\n');
    return { path, startLine, endLine, ...(symbol === undefined ? {} : { symbol }), content, score };
  }

  /** Changes come in bursts, and writing all of a large index for each would be most of the work. */
  private saveLater(): void {
    this.saving ??= setTimeout(() => {
      this.saving = undefined;
      void this.save();
    }, SAVE_AFTER_MS).unref();
  }

  private async save(): Promise<void> {
    if (!this.changed) return;
    this.changed = false;
    const index = { terms: [...this.terms.terms], files: storedFiles([...this.known]) };
    // The index in memory answers all the same where it cannot be stored.
    await saveIndex(this.settings.stateDir, index).catch(() => {});
  }
}

interface KnownFile {
  readonly stamp: string;
  readonly chunks: readonly IndexedChunk[];
}

/** Works on so many of them at a time: while one is read, another is taken apart. */
async function eachOf<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = left.next(); next.done !== true; next = left.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Made one at a time: all of them together would be the index a second time. */
function* storedFiles(known: Iterable<readonly [string, KnownFile]>): Generator<StoredFile> {
  for (const [path, { stamp, chunks }] of known) yield { path, stamp, chunks: chunks.map(stored) };
}

function stored(chunk: IndexedChunk): StoredFile['chunks'][number] {
  const { startLine, endLine, symbol, isType, length, terms } = chunk;
  return [startLine, endLine, symbol ?? null, isType ?? false, length, [...terms]];
}

function unstored([
  startLine,
  endLine,
  symbol,
  isType,
  length,
  terms,
]: StoredFile['chunks'][number]): IndexedChunk {
  const shape = { startLine, endLine, isType, length, terms: Uint32Array.from(terms) };
  return symbol === null ? shape : { ...shape, symbol };
}
