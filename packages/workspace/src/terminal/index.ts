export { createOutputDecoder } from './output-decoder.ts';
export { type BufferFrame, TerminalBuffer } from './terminal-buffer.ts';
