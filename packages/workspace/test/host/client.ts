import { connectProcessHost } from '../../src/host/index.ts';
import { createProcessOperations } from '../../src/process/index.ts';

/** A server in small: starts a command on a host and follows it until somebody kills this process. */
const [socketPath = '', root = '', stateDir = '', command = ''] = process.argv.slice(2);
const host = await connectProcessHost(socketPath);
const operations = createProcessOperations(
  { root, stateDir, environment: { PATH: '/usr/local/bin:/usr/bin:/bin' } },
  host,
);
await operations.executeCommand(
  { processId: 'followed', command },
  { onStarted: () => console.log('started') },
);
