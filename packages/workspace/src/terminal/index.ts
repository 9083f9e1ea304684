export { createOutputDecoder } from './output-decoder.ts';
export { SpillReader } from './spill-reader.ts';
export { type BufferFrame, type HeldFrame, TerminalBuffer } from './terminal-buffer.ts';
