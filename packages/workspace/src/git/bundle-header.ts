import { ShadowError } from '@shadow/protocol';

/** What stands before the pack of a bundle. */
export interface BundleHeader {
  /** Commits by the names of their refs. */
  readonly refs: ReadonlyMap<string, string>;
  /** Characters of an id. */
  readonly idLength: number;
}

const MAX_HEADER_BYTES = 32 * 1024 * 1024;

/**
 * Reads the head of a bundle (gitformat-bundle(5)) and leaves the pack to be read.
 *
 * @returns the head, and the rest of the bytes
 * @throws ShadowError VALIDATION_FAILED when it is no bundle, or not a whole one; what the stream throws
 */
export async function readBundleHeader(
  content: AsyncIterable<Uint8Array>,
): Promise<{ header: BundleHeader; pack: AsyncIterable<Uint8Array> }> {
  const iterator = content[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  for (;;) {
    const end = held.indexOf('\n\n');
    if (end !== -1) {
      const header = parseHeader(held.subarray(0, end).toString('utf8'));
      return { header, pack: restOf(held.subarray(end + 2), iterator) };
    }
    if (held.length > 0 && !'# v'.startsWith(held.subarray(0, 3).toString('latin1'))) throw noBundle();
    const { done, value } = await iterator.next();
    if (done === true || held.length > MAX_HEADER_BYTES) throw noBundle();
    held = Buffer.concat([held, value]);
  }
}

function parseHeader(text: string): BundleHeader {
  const [signature, ...lines] = text.split('\n');
  if (signature !== '# v2 git bundle' && signature !== '# v3 git bundle') throw noBundle();
  const refs = new Map<string, string>();
  for (const line of lines) {
    if (line === '@object-format=sha1' || line === '@object-format=sha256') continue;
    const [, id, name] = /^([0-9a-f]{40}|[0-9a-f]{64}) (.+)$/.exec(line) ?? [];
    if (line.startsWith('-')) throw notWhole();
    if (id === undefined || name === undefined) throw noBundle();
    refs.set(name, id);
  }
  return { refs, idLength: [...refs.values()][0]?.length ?? 40 };
}

async function* restOf(
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (first.length > 0) yield first;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

function noBundle(): ShadowError {
  return new ShadowError('VALIDATION_FAILED', 'These bytes are not a git bundle.');
}

function notWhole(): ShadowError {
  return new ShadowError(
    'VALIDATION_FAILED',
    'The bundle builds on commits that are not in it, so no repository can be made from it.',
  );
}
