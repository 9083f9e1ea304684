import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InstanceLock, isInstanceAlive, type OpenDatabase, standForLeader } from '@shadow/db';
import { connectProcessHost, decideCommand, type ProcessHost, startProcessHost } from '@shadow/workspace';
import type { Logger } from 'pino';
import { type Access, createAccess } from './access/access.ts';
import { createToolGate } from './agent/tools/call-tool.ts';
import { prometheusToolMetrics } from './agent/tools/metrics.ts';
import { redactValues } from './agent/tools/redact.ts';
import type { Config } from './config.ts';
import { writeGitConfig } from './git/git-config.ts';
import { MirrorCache } from './git/mirror-cache.ts';
import { MirroredRepositoryService } from './git/repository-service.ts';
import { sampleRepository } from './git/sample-repository.ts';
import { createHttpApp } from './http/app.ts';
import { createMetrics } from './observability/metrics.ts';
import { openWorkspaces } from './open-workspaces.ts';
import { ProviderRegistry } from './providers/registry.ts';
import { RealtimeGateway } from './realtime/gateway.ts';
import { PostgresEventLog } from './tasks/event-log.ts';
import { InitializationEngine } from './tasks/initialization.ts';
import { Liveness } from './tasks/liveness.ts';
import { Maintenance } from './tasks/maintenance.ts';
import { Reconciler } from './tasks/reconciler.ts';
import { prometheusReconcilerMetrics } from './tasks/reconciler-metrics.ts';
import { recoverInterruptedTurns } from './tasks/recovery.ts';
import { Replicas } from './tasks/replicas.ts';
import { constant } from './tasks/rows.ts';
import { RunQueue } from './tasks/run-queue.ts';
import { TaskArchive } from './tasks/task-archive.ts';
import { TaskListChanges } from './tasks/task-changes.ts';
import { branchFor } from './tasks/task-names.ts';
import { DatabaseTaskService } from './tasks/task-service.ts';
import { TurnExecutor } from './tasks/turn-executor.ts';
import { WorkspaceKeeper } from './tasks/workspace-keeper.ts';

export const VERSION = '0.1.0';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const PATHS = {
  web: path('../../web/dist'),
  sampleAssets: path('../assets/sample-repository'),
} as const;

/** A server that is wired and listens to nobody yet. */
export interface Composition {
  readonly http: Server;
  readonly access: Access;
  /** Starts to run queued turns; called once the server listens. */
  start(): void;
  /** Ends everything in order: turns are checkpointed, sockets and HTTP closed, children gone. */
  close(): Promise<void>;
}

/** Picks the concrete classes and wires them. @throws ShadowError when a part cannot come up */
export async function compose(
  config: Config,
  database: OpenDatabase,
  instance: InstanceLock,
  log: Logger,
): Promise<Composition> {
  const { prisma } = database;
  const metrics = createMetrics();
  const { basePath, publicUrl } = config.http;
  const access = await createAccess({
    database: prisma,
    home: config.home,
    basePath,
    publicUrl,
    logger: log,
  });
  await using undo = new AsyncDisposableStack();
  const { connectionString } = database;
  // The home's lock keeps every other server from an embedded database.
  const shared = database.embedded === null ? connectionString : null;
  const replicas = new Replicas({ prisma, connectionString: shared, log });
  undo.defer(() => replicas.close());
  const events = new PostgresEventLog(prisma, log, replicas);
  const changes = new TaskListChanges(prisma, events, replicas, log);
  const git = await writeGitConfig(join(config.home, 'git'), config.environment.git);
  const mirrors = new MirrorCache(join(config.home, 'mirrors'), git);
  const repositories = new MirroredRepositoryService({
    prisma,
    mirrors,
    allowLocal: config.repositories.allowLocal,
    sampleRepository: sampleRepository(git, PATHS.sampleAssets, join(config.home, 'sample')),
  });
  const { host, started } = await openProcessHost(config);
  // A start that fails leaves nothing behind; a host that was there before keeps its commands for the next one.
  undo.defer(() => (started ? host.shutdown() : undefined));
  const { sampleAssets } = PATHS;
  const { registry } = metrics;
  const parts = { mirrors, git, repositories, host, sampleAssets, registry, log };
  const workspaces = await openWorkspaces(config, parts);
  undo.defer(() => workspaces.close());
  const providers = await ProviderRegistry.open({ prisma, home: config.home, config: config.providers, log });
  const initialization = new InitializationEngine(prisma, events, workspaces, log);
  const toolMetrics = prometheusToolMetrics(metrics.registry);
  const redact = redactValues(config.secrets);
  const turns = new TurnExecutor({
    prisma,
    events,
    workspaces,
    initialization,
    createRunner: (userId, model) => providers.createRunner(userId, model),
    createGate: (context) =>
      createToolGate(context, { commandPolicy: decideCommand, metrics: toolMetrics, redact, log }),
    executionTimeoutMs: config.turns.timeoutMs,
    commandTimeoutMs: config.workspaces.commandTimeoutMs,
    log,
  });
  const queue = new RunQueue({
    prisma,
    instance: instance.instance,
    concurrency: config.turns.maxConcurrent,
    log,
    tellOthers: () => replicas.hint({ type: 'queued' }),
    run: (execution, signal) => turns.run(execution, signal),
  });
  const liveness = new Liveness(database.pool, instance.instance);
  const maintenance = new Maintenance(prisma, instance.instance, liveness);
  const archive = new TaskArchive(join(config.home, 'archives'), workspaces);
  const closing = new AbortController();
  const keeper = new WorkspaceKeeper({
    prisma,
    events,
    workspaces,
    maintenance,
    archive,
    wake: (task) => initialization.ensureReady(task, task.branch ?? branchFor(task), closing.signal),
    cleanUp: (task) => initialization.cleanUp(task, closing.signal),
    announceDeleted: (userId, taskId) => changes.announceDeleted(userId, taskId),
    released: () => queue.wake(),
  });
  const recovery = { prisma, events, workspaces, log };
  const { reconcileIntervalMs, idleMs, maxAgeMs, quota, cleanupStates } = config.workspaces;
  const reconciler = new Reconciler({
    prisma,
    events,
    workspaces,
    keeper,
    archive,
    maintenance,
    liveness,
    policy: { idleMs, maxAgeMs, quota, states: cleanupStates.map((state) => constant(state)) },
    intervalMs: reconcileIntervalMs,
    metrics: prometheusReconcilerMetrics(metrics.registry),
    log,
    standForLeader: (onLeading) =>
      standForLeader({
        connectionString,
        purpose: 'reconciler',
        log,
        onLeading,
      }),
    recoverTurns: () =>
      recoverInterruptedTurns({
        ...recovery,
        isInstanceAlive: async (id) => !(await liveness.isDead(id)),
      }),
  });
  const tasks = new DatabaseTaskService({
    prisma,
    events,
    changes,
    workspaces,
    initialization,
    queue,
    replicas,
    archive,
    keeper,
    checkRepository: async (userId, repository) => {
      await repositories.resolve(repository);
      await repositories.remember(userId, repository);
    },
    chooseModel: (userId, wanted) => providers.chooseModel(userId, wanted),
  });
  await recoverInterruptedTurns({
    ...recovery,
    isInstanceAlive: (id) => isInstanceAlive(database.pool, id),
  });
  const app = createHttpApp({
    access,
    tasks,
    repositories,
    models: providers,
    installation: {
      version: VERSION,
      agentMode: config.agentMode,
      capabilities: { ...workspaces.capabilities },
    },
    pingDatabase: () => prisma.$queryRaw`SELECT 1`,
    metrics,
    logger: log,
    basePath,
    publicUrl,
    webDirectory: PATHS.web,
  });
  const http = createServer(app);
  const gateway = new RealtimeGateway({
    httpServer: http,
    access,
    tasks,
    log: events,
    replicas,
    metrics,
    logger: log,
    basePath,
    publicUrl,
  });
  undo.move();
  return {
    http,
    access,
    start: () => {
      replicas.listen((news) => {
        if (news.type === 'stop') void queue.abort(news.executionId, 'stopped');
        // A stop may have been asked for unheard: the queue reads that when it looks.
        if (news.type === 'queued' || news.type === 'listening') queue.wake();
      });
      queue.wake();
      reconciler.start();
    },
    close: async () => {
      closing.abort();
      await reconciler.close();
      await queue.close();
      changes.close();
      await gateway.close();
      await replicas.close();
      await closeHttp(http);
      await workspaces.close();
      // A clean end leaves no child; only a crash leaves commands running, to be found again.
      await host.shutdown();
    },
  };
}

/** The daemon that owns commands and their output, so that they outlive a crash of this process. */
async function openProcessHost(config: Config): Promise<{ host: ProcessHost; started: boolean }> {
  const directory = join(config.home, 'host');
  const { socketPath, started } = await startProcessHost({ directory });
  const host = await connectProcessHost(socketPath, { revive: () => startProcessHost({ directory }) });
  return { host, started };
}

/** Stops to accept, lets running requests end, and closes what is idle. */
function closeHttp(http: Server): Promise<void> {
  return new Promise((resolve) => {
    http.close(() => resolve());
    http.closeIdleConnections();
    setTimeout(() => http.closeAllConnections(), 2000).unref();
  });
}
