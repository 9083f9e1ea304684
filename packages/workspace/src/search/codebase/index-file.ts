import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import * as z from 'zod';

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

/** Characters that are compressed at a time. */
const BATCH = 65_536;

/** An index as it lies on disk: a line of all terms, each at the place of its number, then a line for each file. */
export interface StoredIndex {
  readonly terms: readonly string[];
  readonly files: Iterable<StoredFile>;
}

/**
 * Reads an index from disk, a file's part at a time: all of its text at once would take more memory than the index.
 *
 * @param stateDir the workspace's state directory
 * @param onTerms told all terms, first and once
 * @param onFile told each file's part
 * @returns whether there was one, whole and readable; what was told before it turned out not to be must be forgotten
 */
export async function loadIndex(
  stateDir: string,
  onTerms: (terms: readonly string[]) => void,
  onFile: (file: StoredFile) => void,
): Promise<boolean> {
  const unpacked = createGunzip();
  const reading = pipeline(createReadStream(join(stateDir, DIRECTORY, NAME)), unpacked);
  reading.catch(() => {});
  try {
    let number = 0;
    for await (const line of createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (number === 0 && line !== `shadow-code-index ${VERSION}`) return false;
      if (number === 1) onTerms(Terms.parse(JSON.parse(line)));
      if (number > 1 && line !== '') onFile(StoredFile.parse(JSON.parse(line)));
      number += 1;
    }
    await reading;
    return number > 1;
  } catch {
    return false;
  } finally {
    unpacked.destroy();
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
  const temporary = join(directory, `${NAME}.${process.pid}-${process.hrtime.bigint()}.tmp`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await pipeline(textOf({ terms, files }), createGzip({ level: 1 }), async (packed) => {
        for await (const bytes of packed) await handle.writeFile(bytes);
      });
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

function* textOf({ terms, files }: StoredIndex): Generator<string> {
  yield `shadow-code-index ${VERSION}\n${JSON.stringify(terms)}\n`;
  let text = '';
  for (const file of files) {
    text += `${JSON.stringify(file)}\n`;
    if (text.length < BATCH) continue;
    yield text;
    text = '';
  }
  yield text;
}
