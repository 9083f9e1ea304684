export { findBubblewrap } from './isolation.ts';
export { captureLoginEnvironment, type LoginEnvironmentOptions } from './login-environment.ts';
export { createProcessOperations, DEFAULT_TIMEOUT_MS, runCommand, startCommand } from './operations.ts';
export { DEFAULT_RESULT_BYTES, ResultText } from './result-text.ts';
export { runProcess } from './run-process.ts';
