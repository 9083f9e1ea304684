import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PrismaClient } from '@shadow/db';
import { ShadowError } from '@shadow/protocol';
import { createAccess } from '../../../src/access/access.ts';
import { createHttpApp } from '../../../src/http/app.ts';
import type { ModelCatalog } from '../../../src/http/dependencies.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { RealtimeGateway } from '../../../src/realtime/gateway.ts';
import type { RealtimeLimits } from '../../../src/realtime/limits.ts';
import { MemoryLog, MemoryTasks, memoryRepositories } from './tasks.ts';

const INDEX = '<!doctype html><html><head lang="en"><title>Shadow</title></head><body></body></html>';

interface Options {
  basePath?: string;
  publicUrl?: string | null;
  limits?: Partial<RealtimeLimits>;
  pingDatabase?: () => Promise<unknown>;
  withWeb?: boolean;
}

export type TestServer = Awaited<ReturnType<typeof startServer>>;

/** HTTP and sockets on a free port over a real database, with tasks in memory. */
export async function startServer(database: PrismaClient, options: Options = {}) {
  const home = await mkdtemp(join(tmpdir(), 'shadow-http-'));
  const lines: string[] = [];
  const logger = createLogger({
    level: 'trace',
    format: 'json',
    secrets: [],
    write: (line) => lines.push(line),
  });
  const metrics = createMetrics();
  const basePath = options.basePath ?? '';
  const publicUrl = options.publicUrl ?? null;
  const log = new MemoryLog();
  const tasks = new MemoryTasks(log);
  const access = await createAccess({ database, home, basePath, publicUrl, logger });
  const webDirectory = join(home, 'web');
  if (options.withWeb !== false) await writeWeb(webDirectory);
  const app = createHttpApp({
    access,
    tasks,
    repositories: memoryRepositories,
    models,
    installation: { version: '1.2.3', agentMode: 'local', capabilities: { pty: false } },
    pingDatabase: options.pingDatabase ?? (() => database.$queryRaw`SELECT 1`),
    metrics,
    logger,
    basePath,
    publicUrl,
    webDirectory,
  });
  const server = createServer(app);
  const limits = options.limits === undefined ? {} : { limits: options.limits };
  const gateway = new RealtimeGateway({
    httpServer: server,
    access,
    tasks,
    log,
    metrics,
    logger,
    basePath,
    publicUrl,
    ...limits,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const origin = `http://127.0.0.1:${address.port}`;

  return {
    origin,
    url: `${origin}${basePath}`,
    home,
    access,
    app,
    tasks,
    log,
    metrics,
    gateway,
    lines,
    /** Signs in and returns the cookie. */
    async signIn(): Promise<string> {
      const response = await fetch(`${origin}${basePath}/api/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token: await access.issueSignInToken() }),
      });
      if (response.status !== 200) throw new Error(`sign-in answered ${response.status}`);
      return response.headers
        .getSetCookie()
        .map((cookie) => cookie.split(';')[0])
        .join('; ');
    },
    async close(): Promise<void> {
      await gateway.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function writeWeb(directory: string): Promise<void> {
  await mkdir(join(directory, 'assets'), { recursive: true });
  await writeFile(join(directory, 'index.html'), INDEX);
  await writeFile(join(directory, 'assets', 'main-Ab12.js'), 'export {};');
  await writeFile(join(directory, 'icon.svg'), '<svg/>');
}

const models: ModelCatalog = {
  listModels: async () => ({ models: [], defaultModel: 'scripted/demo' }),
  listProviders: async () => [],
  updateProvider: async (_userId, provider, settings) => ({
    provider,
    keySource: settings.apiKey === undefined ? 'none' : 'stored',
    baseUrl: settings.baseUrl ?? null,
    configured: true,
  }),
  deleteProvider: async () => undefined,
  testProvider: async () => {
    throw new ShadowError('PROVIDER_UNREACHABLE', 'nobody listens there');
  },
};
