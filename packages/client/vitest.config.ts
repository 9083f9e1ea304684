import { defineConfig } from 'vitest/config';

// Real processes and sockets on machines that do other things too.
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });
