import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';

/** Raised whenever chunks or terms are made differently: an older index is then built anew. */
const VERSION = 3;
const DIRECTORY = 'code-index';
const NAME = 'index.ndjson.gz';

const StoredChunk = z.tuple([
  z.int(),
  z.int(),
  z.string().nullable(),
  z.boolean(),
  z.int(),
  z.array(z.number()),
]);
const Terms = z.array(z.string());
const StoredFile = z.object({ path: z.string(), stamp: z.string(), chunks: z.array(StoredChunk) });
/**
 * A file's part of the index, as it lies on disk. A chunk: first and last line, symbol, whether it is a type, length, and
 * pairs of a term's number and twice its weight.
 */
export type StoredFile = z.infer<typeof StoredFile>;

const NOTHING: StoredIndex = { terms: [], files: [] };

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** An index as it lies on disk: a line of all terms, each at the place of its number, then a line for each file. */
export interface StoredIndex {
  readonly terms: readonly string[];
  readonly files: Iterable<StoredFile>;
}

/**
 * Reads an index from disk.
 *
 * @param stateDir the workspace's state directory
 * @returns nothing where there is none, or one that cannot be used: it is built anew then
 */
export async function loadIndex(stateDir: string): Promise<StoredIndex> {
  try {
    const text = (await decompress(await readFile(join(stateDir, DIRECTORY, NAME)))).toString('utf8');
    const [head, terms = '', ...lines] = text.split('\n');
    if (head !== `shadow-code-index ${VERSION}`) return NOTHING;
    const files = lines.filter((line) => line !== '').map((line) => StoredFile.parse(JSON.parse(line)));
    return { terms: Terms.parse(JSON.parse(terms)), files };
  } catch {
    return NOTHING;
  }
}

/**
 * Writes an index to disk, whole or not at all.
 *
 * @param stateDir the workspace's state directory
 * @param index all of it
 */
export async function saveIndex(stateDir: string, { terms, files }: StoredIndex): Promise<void> {
  const directory = join(stateDir, DIRECTORY);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lines = [`shadow-code-index ${VERSION}`, JSON.stringify(terms)];
  for (const file of files) lines.push(JSON.stringify(file));
  const temporary = join(directory, `${NAME}.${process.pid}-${process.hrtime.bigint()}.tmp`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(await compress(`${lines.join('\n')}\n`, { level: 1 }));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, join(directory, NAME));
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}
