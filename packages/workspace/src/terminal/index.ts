export { createOutputDecoder, type OutputDecoder } from './output-decoder.ts';
export {
  type BufferFrame,
  DEFAULT_CAPACITY_BYTES,
  type ReadBufferOptions,
  TerminalBuffer,
  type TerminalBufferOptions,
} from './terminal-buffer.ts';
