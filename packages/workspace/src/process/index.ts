export { createProcessOperations, DEFAULT_TIMEOUT_MS } from './operations.ts';
