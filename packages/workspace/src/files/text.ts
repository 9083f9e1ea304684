import { isUtf8 } from 'node:buffer';
import type { ReadFileResult } from '@shadow/protocol';

export type TextEncoding = ReadFileResult['encoding'];

/** Text as it lies on disk: what has to be kept when it is written back. */
export interface DecodedText {
  /** The text without its byte order mark, line ends as they are. */
  readonly text: string;
  readonly encoding: TextEncoding;
  /** Whether a byte order mark came first. */
  readonly bom: boolean;
}

const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const UTF16LE_BOM = Buffer.from([0xff, 0xfe]);
const UTF16BE_BOM = Buffer.from([0xfe, 0xff]);

/**
 * Decodes a file's bytes: by byte order mark, else as UTF-8, else as Latin-1, which every byte survives.
 *
 * @returns undefined when the bytes are no text: they hold a NUL (as git and grep decide it), or are neither valid
 *   UTF-8 nor free of control characters
 */
export function decodeText(bytes: Buffer): DecodedText | undefined {
  if (startsWith(bytes, UTF8_BOM)) return { text: bytes.toString('utf8', 3), encoding: 'utf8', bom: true };
  if (startsWith(bytes, UTF16LE_BOM) && bytes.length % 2 === 0) {
    return { text: bytes.toString('utf16le', 2), encoding: 'utf16le', bom: true };
  }
  if (startsWith(bytes, UTF16BE_BOM) && bytes.length % 2 === 0) {
    return {
      text: Buffer.from(bytes.subarray(2)).swap16().toString('utf16le'),
      encoding: 'utf16be',
      bom: true,
    };
  }
  if (bytes.includes(0)) return undefined;
  if (isUtf8(bytes)) return { text: bytes.toString('utf8'), encoding: 'utf8', bom: false };
  return hasControlCharacters(bytes)
    ? undefined
    : { text: bytes.toString('latin1'), encoding: 'latin1', bom: false };
}

/**
 * Encodes text the way a file had it. Text that Latin-1 cannot hold becomes UTF-8.
 *
 * @param text the text, without byte order mark
 * @param shape encoding and mark of the present file
 */
export function encodeText(text: string, shape: Pick<DecodedText, 'encoding' | 'bom'>): Buffer {
  switch (shape.encoding) {
    case 'utf8':
      return shape.bom ? Buffer.concat([UTF8_BOM, Buffer.from(text, 'utf8')]) : Buffer.from(text, 'utf8');
    case 'utf16le':
      return Buffer.concat([UTF16LE_BOM, Buffer.from(text, 'utf16le')]);
    case 'utf16be':
      return Buffer.concat([UTF16BE_BOM, Buffer.from(text, 'utf16le').swap16()]);
    case 'latin1':
      return fitsLatin1(text) ? Buffer.from(text, 'latin1') : Buffer.from(text, 'utf8');
  }
}

function startsWith(bytes: Buffer, mark: Buffer): boolean {
  return bytes.subarray(0, mark.length).equals(mark);
}

function fitsLatin1(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0xff) return false;
  }
  return true;
}

/** Control characters besides tab, line ends, form feed, backspace and escape: text in old 8-bit encodings has none. */
function hasControlCharacters(bytes: Buffer): boolean {
  return bytes.some((byte) => byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b);
}
