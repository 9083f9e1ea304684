// The command line as it is, but for the server's program that it starts.
import { fileURLToPath } from 'node:url';
import { runCli } from '../../src/cli.ts';

const serverEntry = fileURLToPath(new URL('./server-main.ts', import.meta.url));
process.exitCode = await runCli(process.argv.slice(2), { serverEntry, environment: process.env });
