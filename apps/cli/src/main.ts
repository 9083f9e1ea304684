import { fileURLToPath } from 'node:url';
import { runCli } from './cli.ts';

const serverEntry = fileURLToPath(new URL('../../server/src/main.ts', import.meta.url));

process.exitCode = await runCli(process.argv.slice(2), { serverEntry, environment: process.env });
