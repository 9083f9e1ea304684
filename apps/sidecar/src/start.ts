import { chown, mkdir, realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import {
  captureLoginEnvironment,
  connectProcessHost,
  createProcessOperations,
  createWorkspaceEngine,
  type ProcessHost,
  startProcessHost,
  type WorkspaceContext,
} from '@shadow/workspace';
import type { Logger } from 'pino';
import { createApp } from './app.ts';
import { createAuthenticator } from './auth.ts';
import { WorkspaceClaim } from './claim/workspace-claim.ts';
import type { Config } from './config.ts';
import type { SidecarContext } from './context.ts';
import { Connections } from './http/connections.ts';
import { Slots } from './http/slots.ts';
import { AnswerStore } from './idempotency/answer-store.ts';
import { createMetrics } from './observability/metrics.ts';
import { type MetricsServer, serveMetrics } from './observability/metrics-server.ts';
import { hostDirectory } from './places.ts';
import { serveTerminalSockets } from './terminal-sockets.ts';

const MAX_CONNECTIONS = 2048;
const STREAM_BUFFER_BYTES = 1024 * 1024;
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
 * @throws ShadowError when the workspace, the state directory, the process host or the port cannot be used
 */
export async function startSidecar(config: Config, log: Logger): Promise<Sidecar> {
  // First what can be wrong: a start that fails must leave no process host behind.
  const claimed = await openWorkspace(config);
  const host = await openHost(config);
  const closing = new AbortController();
  const context = await makeContext(config, claimed, host, log, closing.signal);
  const server = createHttpServer(config, context);
  const connections = new Connections(server);
  const port = await listen(server, config);
  const metrics = await openMetrics(config, context);
  return {
    port,
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
  const { socketPath } = await startProcessHost({ directory });
  // A host that is the supervisor comes back with the supervisor alone.
  const revive = config.isSupervised ? {} : { revive: () => startProcessHost({ directory }) };
  return await connectProcessHost(socketPath, revive);
}

async function makeContext(
  config: Config,
  { workspace, claim }: ClaimedWorkspace,
  host: ProcessHost,
  log: Logger,
  closing: AbortSignal,
): Promise<SidecarContext> {
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
    answers: await AnswerStore.open({ directory: join(config.stateDir, 'answers'), ...config.memory }),
    limits: config.limits,
    slots,
    metrics: createMetrics(slots),
    log,
    closing,
  };
}

interface ClaimedWorkspace {
  readonly workspace: WorkspaceContext;
  readonly claim: WorkspaceClaim;
}

async function openWorkspace(config: Config): Promise<ClaimedWorkspace> {
  const root = await openDirectory(config.workspaceDir, 'WORKSPACE_DIR', config.runAs);
  const base = config.commandEnvironment;
  // A fresh volume is empty, and tools expect the home that their environment names; serving needs none.
  if (base.HOME !== undefined) await openDirectory(base.HOME, 'HOME', config.runAs).catch(() => {});
  const { runAs, isolation, stateDir, token } = config;
  await mkdir(stateDir, { recursive: true, mode: runAs === undefined ? 0o700 : 0o711 });
  const environment = await captureLoginEnvironment({ base, ...(runAs === undefined ? {} : { runAs }) });
  const claim = await WorkspaceClaim.open({ stateDir, token, environment });
  const workspace = {
    root,
    stateDir: join(stateDir, 'workspace'),
    environment: claim.environment,
    ...(runAs === undefined ? {} : { runAs }),
    ...(isolation === undefined ? {} : { isolation }),
  };
  return { workspace, claim };
}

/** Opens a directory, made where it is missing for the user whose commands use it. */
async function openDirectory(path: string, name: string, runAs: Config['runAs']): Promise<string> {
  try {
    const made = await mkdir(path, { recursive: true });
    if (made !== undefined && runAs !== undefined) await chown(path, runAs.uid, runAs.gid);
    return await realpath(path);
  } catch (cause) {
    throw new ShadowError('WORKSPACE_NOT_READY', `${name} ${path} cannot be opened or made.`, { cause });
  }
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
      // Several frames of output under way instead of a wait after each; as much is what a stalled reader can hold.
      highWaterMark: STREAM_BUFFER_BYTES,
    },
    createApp(context),
  );
  server.maxConnections = MAX_CONNECTIONS;
  serveTerminalSockets(server, context);
  return server;
}

async function listen(server: Server, { host, port }: Config): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new ShadowError('UNAVAILABLE', `Cannot listen on ${host}:${port}: ${cause.message}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
  // A server that listens on a port has such an address.
  return (server.address() as AddressInfo).port;
}
