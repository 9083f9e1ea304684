export { captureLoginEnvironment, type LoginEnvironmentOptions } from './login-environment.ts';
export { createProcessOperations, DEFAULT_TIMEOUT_MS } from './operations.ts';
