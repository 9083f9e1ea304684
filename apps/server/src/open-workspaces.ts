import { join } from 'node:path';
import {
  captureLoginEnvironment,
  createProcessOperations,
  machineCapabilities,
  type ProcessHost,
} from '@shadow/workspace';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from './config.ts';
import { createWorkspaceManager } from './execution/index.ts';
import type { WorkspaceManager } from './execution/interfaces/workspace-manager.ts';
import { chooseIsolation } from './execution/local/command-isolation.ts';
import type { LocalWorkspaceOptions } from './execution/local/local-workspace-manager.ts';
import { placeWorkspaces } from './execution/local/workspace-place.ts';
import { WarmPool } from './execution/remote/warm-pool/warm-pool.ts';
import type { RemoteWorkspaceOptions } from './execution/remote/workspaces/remote-workspace-manager.ts';
import type { GitEnvironment } from './git/git-command.ts';
import { openMirrorBundle } from './git/mirror-bundle.ts';
import type { MirrorCache } from './git/mirror-cache.ts';
import type { MirroredRepositoryService } from './git/repository-service.ts';

export interface WorkspaceParts {
  mirrors: MirrorCache;
  git: GitEnvironment;
  repositories: MirroredRepositoryService;
  host: ProcessHost;
  /** Absolute path of the sample repository's files. */
  sampleAssets: string;
  /** Where calls of the cluster are counted. */
  registry: Registry;
  log: Logger;
}

/** Opens the workspaces where AGENT_MODE has them. @throws ShadowError when they cannot be had there */
export function openWorkspaces(config: Config, parts: WorkspaceParts): Promise<WorkspaceManager> {
  const { sampleAssets, log } = parts;
  return createWorkspaceManager(config.agentMode, {
    local: () => localOptions(config, parts),
    remote: () => remoteOptions(config, parts),
    mock: async () => ({ sampleAssets, log }),
  });
}

async function localOptions(config: Config, parts: WorkspaceParts): Promise<LocalWorkspaceOptions> {
  const { host, repositories } = parts;
  const runAs = config.runAs ?? undefined;
  const isolation = await chooseIsolation(config.workspaces.isolation, runAs);
  return {
    ...parts,
    workspacesDir: await placeWorkspaces(config.workspaces.directory, config.home, runAs),
    stateDir: join(config.home, 'state'),
    archivesDir: join(config.home, 'archives'),
    runAs,
    environment: commandEnvironment(config),
    isolation,
    shadowHome: config.home,
    capabilities: { ...machineCapabilities(host, isolation), suspend: false, taskResources: false },
    resolveRepository: (repository) => repositories.resolve(repository),
    processesOf: (context) => createProcessOperations(context, host),
    releaseProcesses: (stateDir) => host.releaseWorkspace({ stateDir }),
  };
}

async function remoteOptions(config: Config, parts: WorkspaceParts): Promise<RemoteWorkspaceOptions> {
  const { mirrors, git, repositories, registry, log } = parts;
  // The Kubernetes client costs half a second and 100 MB, which no other mode should pay.
  const { connectCluster } = await import('./execution/remote/kubernetes/connect.ts');
  const cluster = await connectCluster(config.remote, log, { registry });
  const warm = new WarmPool({ cluster, config: config.remote, log });
  warm.start();
  return {
    cluster,
    warm,
    config: config.remote,
    mirrors,
    log,
    resolveRepository: (repository) => repositories.resolve(repository),
    archivesDir: join(config.home, 'archives'),
    openBundle: (mirror, signal) => openMirrorBundle(git, mirror, signal),
  };
}

/** What a login shell of the person gives; the unprivileged user of a root-run server has no login. */
function commandEnvironment({ environment, runAs }: Config): Promise<Readonly<Record<string, string>>> {
  return runAs === null
    ? captureLoginEnvironment({ base: environment.commands })
    : Promise.resolve(environment.commands);
}
