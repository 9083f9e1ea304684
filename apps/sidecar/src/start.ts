import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import {
  connectProcessHost,
  createProcessOperations,
  createWorkspaceEngine,
  hostSocketPath,
  type ProcessHost,
  startProcessHost,
} from '@shadow/workspace';
import type { Logger } from 'pino';
import { createApp } from './app.ts';
import { createAuthenticator } from './auth.ts';
import { type Beginning, begin, ready } from './begin.ts';
import { WorkspaceClaim } from './claim/workspace-claim.ts';
import type { Config } from './config.ts';
import type { SidecarContext } from './context.ts';
import { Connections } from './http/connections.ts';
import { MAX_CONNECTIONS, STREAM_BUFFER_BYTES } from './http/early-listener.ts';
import { Slots } from './http/slots.ts';
import { AnswerStore } from './idempotency/answer-store.ts';
import { createMetrics } from './observability/metrics.ts';
import { type MetricsServer, serveMetrics } from './observability/metrics-server.ts';
import type { OpenedWorkspace } from './open-workspace.ts';
import { hostDirectory } from './places.ts';
import { serveTerminalSockets } from './terminal-sockets.ts';

/** Longer than a client keeps an idle connection, so that it is never the sidecar that closes one just used. */
const KEEP_ALIVE_MS = 75_000;

/** A running sidecar. */
export interface Sidecar {
  readonly port: number;
  /** Ends: streams at once, calls under way after their answer or the time to drain; without a supervisor the commands too. */
  close(): Promise<void>;
}

/**
 * Starts serving a workspace.
 *
 * @param beginning what has begun already
 * @throws ShadowError when the workspace, the state directory, the process host or the port cannot be used
 */
export async function startSidecar(
  config: Config,
  log: Logger,
  beginning: Beginning = begin(config),
): Promise<Sidecar> {
  // A host of its own comes last: a start that fails must leave none behind.
  const opening = ready(beginning);
  const hosting = config.isSupervised ? openHost(config) : opening.then(() => openHost(config));
  // Its directory is there: what begins with making it, begins before anything is waited for.
  const answering = AnswerStore.open({ directory: join(config.stateDir, 'answers'), ...config.memory });
  const [[opened, listener], host, answers] = await Promise.all([opening, hosting, answering]);
  const closing = new AbortController();
  const context = await makeContext(config, opened, { host, answers, log, closing: closing.signal });
  const server = createHttpServer(config, context);
  const connections = new Connections(server);
  await listener.handTo(server);
  const metrics = await openMetrics(config, context);
  return {
    port: listener.port,
    close: async () => {
      closing.abort();
      await metrics?.[Symbol.asyncDispose]();
      await connections.close(config.drainMs);
      await context.engine.close();
      // Under a supervisor it is the supervisor that ends the host, once this process is gone.
      if (config.isSupervised) await host.close();
      else await host.shutdown();
    },
  };
}

async function openMetrics(
  { host, metricsPort: port }: Config,
  { metrics, log }: SidecarContext,
): Promise<MetricsServer | undefined> {
  return port === 0 ? undefined : await serveMetrics(metrics.registry, { host, port }, log);
}

async function openHost(config: Config): Promise<ProcessHost> {
  const directory = hostDirectory(config.stateDir);
  // A host that is the supervisor comes up beside this process, and comes back with the supervisor alone.
  if (config.isSupervised) return await connectProcessHost(hostSocketPath(directory));
  const { socketPath } = await startProcessHost({ directory });
  return await connectProcessHost(socketPath, { revive: () => startProcessHost({ directory }) });
}

async function makeContext(
  config: Config,
  { root, environment }: OpenedWorkspace,
  { host, ...rest }: Pick<SidecarContext, 'host' | 'answers' | 'log' | 'closing'>,
): Promise<SidecarContext> {
  const { runAs, isolation, stateDir, tokenDigest } = config;
  const claim = await WorkspaceClaim.open({ stateDir, tokenDigest, environment });
  const workspace = {
    root,
    stateDir: join(stateDir, 'workspace'),
    environment: claim.environment,
    ...(runAs === undefined ? {} : { runAs }),
    ...(isolation === undefined ? {} : { isolation }),
  };
  const slots = {
    requests: new Slots(config.limits.maxRequests, 'calls'),
    streams: new Slots(config.limits.maxStreams, 'streams'),
  };
  return {
    workspace,
    engine: createWorkspaceEngine(workspace, { processes: createProcessOperations(workspace, host) }),
    host,
    authenticator: createAuthenticator(() => claim.grant),
    claim,
    limits: config.limits,
    slots,
    metrics: createMetrics(slots),
    ...rest,
  };
}

function createHttpServer({ limits }: Config, context: SidecarContext): Server {
  const { headersTimeoutMs, requestTimeoutMs } = limits;
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: Math.max(requestTimeoutMs, headersTimeoutMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
      noDelay: true,
      highWaterMark: STREAM_BUFFER_BYTES,
    },
    createApp(context),
  );
  server.maxConnections = MAX_CONNECTIONS;
  serveTerminalSockets(server, context);
  return server;
}
