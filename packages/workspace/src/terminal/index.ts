export { createOutputDecoder } from './output-decoder.ts';
export { SpillReader } from './spill-reader.ts';
export { type BufferFrame, TerminalBuffer } from './terminal-buffer.ts';
