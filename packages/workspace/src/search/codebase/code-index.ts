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

/** Larger files are data, or generated: nobody asks questions about those. */
const MAX_FILE_BYTES = 512 * 1024;
/** A text whose lines are longer than this on average is minified. */
const MAX_AVERAGE_LINE = 300;
const MAX_FILES = 50_000;
const NOT_CODE =
  /(?:^|\/)(?:package-lock\.json|pnpm-lock\.yaml|yarn\.lock|Cargo\.lock|go\.sum|poetry\.lock)$|\.(?:map|svg|snap|csv|min\.js)$/i;
/** Chunks of one file among the results: more of the same would crowd out the others. */
const MAX_PER_FILE = 3;

export interface CodeIndexSettings {
  readonly scope: SearchScope;
  readonly stateDir: string;
}

export interface CodeIndexAnswer {
  readonly snippets: CodeSnippet[];
  readonly filesIndexed: number;
  readonly complete: boolean;
}

/** The index of one workspace's code: in memory for queries, on disk for the next start. */
export class CodeIndex {
  private readonly settings: CodeIndexSettings;
  private readonly ranking = new ChunkRanking();
  private readonly parsers = new Parsers();
  private readonly stored = new Map<string, StoredFile>();
  private building: Promise<void> | undefined;
  private complete = false;
  private changed = false;

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
      for (const known of [...this.stored.keys()])
        if (known.startsWith(`${path}/`)) await this.refresh(known);
      await this.refresh(path);
    }
    await this.save();
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
    return { snippets, filesIndexed: this.ranking.fileCount, complete: this.complete };
  }

  private async buildNow(): Promise<void> {
    const { scope, stateDir } = this.settings;
    if (this.stored.size === 0) for (const file of await loadIndex(stateDir)) this.adopt(file);
    await using place = await openSearchPlace(scope, undefined);
    const { paths } = await listFiles(scope, place, undefined, undefined);
    const present = new Set(paths.filter((path) => !NOT_CODE.test(path)).slice(0, MAX_FILES));
    for (const path of this.stored.keys()) if (!present.has(path)) this.forget(path);
    for (const path of present) await this.refresh(path);
    this.complete = true;
    await this.save();
  }

  private async refreshAll(paths: ReadonlySet<string>): Promise<boolean> {
    let any = false;
    for (const path of paths) any = (await this.refresh(path)) || any;
    return any;
  }

  /** Reads a file again if it is not as it was indexed; true when that changed the index. */
  private async refresh(path: string): Promise<boolean> {
    const stamp = await this.stampOf(path);
    if (stamp === undefined) return this.forget(path);
    if (this.stored.get(path)?.stamp === stamp) return false;
    const text = await this.textOf(path);
    if (text === undefined) return this.forget(path);
    const lines = text.split('\n');
    const parser = await this.parsers.forFile(path).catch(() => undefined);
    const chunks = chunksOf(parser, text).map((chunk) =>
      indexChunk(path, chunk, lines.slice(chunk.startLine - 1, chunk.endLine).join('\n')),
    );
    this.ranking.set(path, chunks);
    this.stored.set(path, { path, stamp, chunks: chunks.map(stored) });
    this.changed = true;
    return true;
  }

  private forget(path: string): boolean {
    if (!this.stored.delete(path)) return false;
    this.ranking.delete(path);
    this.changed = true;
    return true;
  }

  private adopt(file: StoredFile): void {
    this.stored.set(file.path, file);
    this.ranking.set(file.path, file.chunks.map(unstored));
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

  private async save(): Promise<void> {
    if (!this.changed) return;
    this.changed = false;
    // The index in memory answers all the same where it cannot be stored.
    await saveIndex(this.settings.stateDir, this.stored.values()).catch(() => {});
  }
}

function stored(chunk: IndexedChunk): StoredFile['chunks'][number] {
  const { startLine, endLine, symbol, isType, length, terms } = chunk;
  return [startLine, endLine, symbol ?? null, isType ?? false, length, Object.fromEntries(terms)];
}

function unstored([
  startLine,
  endLine,
  symbol,
  isType,
  length,
  terms,
]: StoredFile['chunks'][number]): IndexedChunk {
  const shape = { startLine, endLine, isType, length, terms: new Map(Object.entries(terms)) };
  return symbol === null ? shape : { ...shape, symbol };
}
