import type { OutputFrame, OutputPage, OutputStream } from '@shadow/protocol';
import { ShadowError } from '@shadow/protocol';

/**
 * Gathers frames of a process's output into one page of text.
 * @throws ShadowError of an error frame
 */
export async function outputPage(
  processId: string,
  fromOffset: number,
  frames: AsyncIterable<OutputFrame>,
  isRunning: () => Promise<boolean>,
): Promise<OutputPage> {
  const pieces: { offset: number; stream: OutputStream; data: Buffer[] }[] = [];
  const gaps: OutputPage['gaps'] = [];
  let nextOffset = fromOffset;
  for await (const frame of frames) {
    if (frame.type === 'error') throw ShadowError.from(frame.error);
    if (frame.type === 'end') continue;
    if (frame.type === 'gap') {
      gaps.push({ fromOffset: frame.fromOffset, toOffset: frame.toOffset });
      nextOffset = frame.toOffset;
      continue;
    }
    const last = pieces.at(-1);
    if (last !== undefined && last.stream === frame.stream && frame.offset === nextOffset)
      last.data.push(Buffer.from(frame.data));
    else pieces.push({ offset: frame.offset, stream: frame.stream, data: [Buffer.from(frame.data)] });
    nextOffset = frame.offset + frame.data.byteLength;
  }
  const chunks = pieces.map(({ offset, stream, data }) => ({
    offset,
    stream,
    text: Buffer.concat(data).toString('utf8'),
  }));
  return { processId, chunks, gaps, nextOffset, running: await isRunning() };
}
