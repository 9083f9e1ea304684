// Plays the server's program for the command line: announces itself as the real one does and ends on SIGTERM.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestServer } from './test-server.ts';

const { SHADOW_HOME = '', API_PORT, SHADOW_PRINT, TEST_SERVER_FAILS } = process.env;
if (TEST_SERVER_FAILS !== undefined) {
  process.stderr.write('another server uses this home\n');
  process.exit(1);
}
if (API_PORT !== '0' || SHADOW_PRINT !== 'json') throw new Error('started otherwise than agreed');

const server = await TestServer.start();
server.announce(SHADOW_HOME);
process.stdout.write('some log line\n');
process.stdout.write(
  `${JSON.stringify({ type: 'ready', url: server.url, signInUrl: `${server.url}/sign-in` })}\n`,
);
process.on('SIGTERM', async () => {
  await server.close(SHADOW_HOME);
  writeFileSync(join(SHADOW_HOME, 'ended'), '');
  process.exit(0);
});
