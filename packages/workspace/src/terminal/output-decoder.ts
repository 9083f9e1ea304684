import { StringDecoder } from 'node:string_decoder';
import type { OutputStream } from '@shadow/protocol/process';

/** Turns data frames into text; a character cut by a frame's border comes whole with the next one. */
interface OutputDecoder {
  /** Text completed by these bytes of the stream; may be empty. */
  decode(stream: OutputStream, data: Uint8Array): string;
  /** What is left of a stream at its end; an incomplete character becomes U+FFFD. */
  end(stream: OutputStream): string;
}

/** One UTF-8 decoder per stream, since streams interleave in the middle of characters. */
export function createOutputDecoder(): OutputDecoder {
  const decoders = new Map<OutputStream, StringDecoder>();
  const decoderOf = (stream: OutputStream) => {
    const decoder = decoders.get(stream) ?? new StringDecoder('utf8');
    decoders.set(stream, decoder);
    return decoder;
  };
  return {
    decode: (stream, data) =>
      decoderOf(stream).write(Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
    end: (stream) => decoderOf(stream).end(),
  };
}
