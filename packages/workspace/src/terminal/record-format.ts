import type { OutputStream } from '@shadow/protocol/process';

/**
 * A segment file is a sequence of records: one byte for the stream, four for the payload's length (little endian),
 * then the payload. Zero is no stream, so that blocks which a power cut left unwritten read as a torn tail.
 */
export const RECORD_HEADER_BYTES = 5;

const CODE_OF: Record<OutputStream, number> = { stdout: 1, stderr: 2, pty: 3 };
const STREAM_OF: readonly (OutputStream | undefined)[] = [undefined, 'stdout', 'stderr', 'pty'];

/** The header of a record with so many payload bytes. */
export function encodeRecordHeader(stream: OutputStream, length: number): Buffer {
  const header = Buffer.allocUnsafe(RECORD_HEADER_BYTES);
  header.writeUInt8(CODE_OF[stream], 0);
  header.writeUInt32LE(length, 1);
  return header;
}

/** The header at `position`, or undefined where there is none (torn or foreign bytes). */
export function decodeRecordHeader(
  bytes: Buffer,
  position: number,
): { stream: OutputStream; length: number } | undefined {
  if (position + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const stream = STREAM_OF[bytes.readUInt8(position)];
  const length = bytes.readUInt32LE(position + 1);
  return stream === undefined || length === 0 ? undefined : { stream, length };
}
