import type { FileOperations, GitOperations, ProcessOperations, SearchOperations } from '@shadow/protocol';
import type { Isolation, WorkspaceContext } from './context.ts';
import { createFileOperations } from './files/file-operations.ts';
import { createGitOperations } from './git/git-operations.ts';
import { KeyedAnswers, keyedFiles, keyedGit } from './keyed-answers.ts';
import type { HostCapabilities, ProcessHost } from './process/process-host.ts';
import { createSearchOperations } from './search/search-operations.ts';
import { createConfinement, isWalkable } from './security/paths.ts';

/** What the engine with its process host can do on this machine, as data: for whoever has to say so without a workspace. */
export function machineCapabilities(
  host: Pick<ProcessHost, 'capabilities'>,
  isolation: Isolation | { readonly network: boolean } | undefined,
): WorkspaceCapabilities & HostCapabilities {
  return {
    ...host.capabilities,
    isolation: isolation === undefined ? 'none' : host.capabilities.isolation,
    raceSafePaths: isWalkable(),
    codebaseSearch: true,
  };
}

/** What this engine can do on this system, as data. */
export interface WorkspaceCapabilities {
  /** Paths are resolved so that no change of the tree during a call can lead it outside. */
  readonly raceSafePaths: boolean;
  /** `codebaseSearch` answers; without it the call yields UNSUPPORTED. */
  readonly codebaseSearch: boolean;
}

/** All that can be done in one workspace. */
export interface WorkspaceEngine extends FileOperations, SearchOperations, ProcessOperations, GitOperations {
  readonly capabilities: WorkspaceCapabilities;
  /** Gives back what the engine holds outside the workspace; running processes are not its own and go on. */
  close(): Promise<void>;
}

/** The parts of an engine that are made elsewhere. */
export interface WorkspaceParts {
  /** Processes live in the process host, which outlives an engine. */
  readonly processes: ProcessOperations;
}

/**
 * Puts together the engine of one workspace.
 *
 * @param context the workspace
 * @param parts its process operations
 */
export function createWorkspaceEngine(
  context: WorkspaceContext,
  { processes }: WorkspaceParts,
): WorkspaceEngine {
  const confinement = createConfinement(context.root);
  const answers = new KeyedAnswers();
  const files = keyedFiles(createFileOperations(context, confinement), answers);
  const search = createSearchOperations(context, confinement, (signal) => files.watch({ signal }));
  const plainGit = createGitOperations(context, confinement);
  const git = keyedGit(plainGit, answers);
  return {
    ...files,
    searchFiles: search.searchFiles,
    grepSearch: search.grepSearch,
    codebaseSearch: search.codebaseSearch,
    gitStatus: git.gitStatus,
    gitDiff: git.gitDiff,
    gitCommit: git.gitCommit,
    gitLog: git.gitLog,
    gitCheckout: git.gitCheckout,
    gitClone: git.gitClone,
    gitRestore: git.gitRestore,
    gitBundle: git.gitBundle,
    gitPush: git.gitPush,
    executeCommand: (request, options) => processes.executeCommand(request, options),
    listProcesses: (options) => processes.listProcesses(options),
    getProcess: (request, options) => processes.getProcess(request, options),
    readOutput: (request, options) => processes.readOutput(request, options),
    writeStdin: (request, options) => processes.writeStdin(request, options),
    signalProcess: (request, options) => processes.signalProcess(request, options),
    resizeTerminal: (request, options) => processes.resizeTerminal(request, options),
    capabilities: { raceSafePaths: confinement.raceSafe, codebaseSearch: true },
    async close() {
      await search[Symbol.asyncDispose]();
      await plainGit[Symbol.asyncDispose]();
    },
  };
}
