import { type ApiClient, createApiClient } from '@shadow/client';
import { ShadowError } from '@shadow/protocol';
import type { CliContext } from '../context.ts';
import { findServer, readCliKey, type ServerAccess } from './find-server.ts';
import { type StartedServer, startServer } from './start-server.ts';

/** A server to work with, and how it came. */
export interface ServerConnection {
  readonly access: ServerAccess;
  readonly api: ApiClient;
  /** Set when the server was started for this command and ends with it. */
  readonly started: StartedServer | null;
}

export interface WithServerOptions {
  /** Start a server when none runs; otherwise that is an error. */
  start: boolean;
}

/**
 * Finds a server, or starts one, works with it and ends what was started.
 *
 * @throws ShadowError UNAVAILABLE when no server runs and none may be started, or when it does not come up
 */
export async function withServer<Value>(
  context: CliContext,
  options: WithServerOptions,
  work: (connection: ServerConnection) => Promise<Value>,
): Promise<Value> {
  const known = await knownServer(context);
  if (known !== undefined) return work(connect(known, null));
  if (!options.start) {
    throw new ShadowError(
      'UNAVAILABLE',
      'No Shadow server is running. Start it with "npm start", or set SHADOW_URL and SHADOW_API_KEY.',
    );
  }
  const started = await start(context);
  try {
    const apiKey = await readCliKey(context.config.home);
    return await work(connect({ url: started.url, apiKey }, started));
  } finally {
    await started.stop();
  }
}

async function knownServer({ config }: CliContext): Promise<ServerAccess | undefined> {
  if (config.url !== undefined) {
    if (!URL.canParse(config.url)) {
      throw new ShadowError(
        'VALIDATION_FAILED',
        `"${config.url}" is not a URL such as http://127.0.0.1:4000.`,
      );
    }
    if (config.apiKey === undefined) {
      throw new ShadowError('UNAUTHENTICATED', `SHADOW_API_KEY is missing: ${config.url} needs a key.`);
    }
    return { url: config.url, apiKey: config.apiKey };
  }
  const url = await findServer(config.home);
  return url === undefined ? undefined : { url, apiKey: config.apiKey ?? (await readCliKey(config.home)) };
}

function start({ config, serverEntry, output, interrupt }: CliContext): Promise<StartedServer> {
  output.note('No server is running; starting one for this command…');
  return startServer({
    entry: serverEntry,
    home: config.home,
    environment: config.environment,
    signal: interrupt.signal,
    onSpawned: (terminate) => interrupt.onLeave(terminate),
  });
}

function connect(access: ServerAccess, started: StartedServer | null): ServerConnection {
  const api = createApiClient({ baseUrl: access.url, apiKey: access.apiKey });
  return { access, api, started };
}
