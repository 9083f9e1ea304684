import { Buffer } from 'node:buffer';
import type {
  CallOptions,
  ExecuteOptions,
  FileOperations,
  FsChange,
  GitOperations,
  OutputFrame,
  ProcessOperations,
  Result,
  SearchOperations,
} from '@shadow/protocol';
import { toShadowError } from '@shadow/protocol';
import { createProcessOperations } from '@shadow/workspace';
import { KeyedAnswers, keyedFiles, keyedGit } from '@shadow/workspace/semantics';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import type { Capabilities } from '../interfaces/types.ts';
import { createMemoryGit } from './git/memory-git.ts';
import { MemoryRemotes } from './git/memory-remotes.ts';
import { type Identity, MemoryRepository } from './git/memory-repository.ts';
import { workingSnapshot } from './git/snapshots.ts';
import { createMemoryFiles } from './memory-files.ts';
import { createMemorySearch } from './memory-search.ts';
import { BUILT_IN_PROGRAMS } from './process/built-in-programs.ts';
import { gitProgram } from './process/git-program.ts';
import { MemoryHost } from './process/memory-host.ts';
import type { SimulatedProgram } from './process/program.ts';
import { asResult, type OperationName, type SimulatedFailures, Simulation } from './simulation.ts';
import { MemoryTree } from './tree/memory-tree.ts';
import { newDirectory, newFile, newLink } from './tree/nodes.ts';

/** What a simulated workspace can do. */
export const MOCK_CAPABILITIES: Capabilities = {
  pty: false,
  suspend: false,
  taskResources: false,
  codebaseSearch: false,
  limits: 'none',
  diskLimits: false,
  isolation: 'simulated',
  raceSafePaths: true,
};

/** Where simulated workspaces claim to be. */
const ROOT = '/workspace';

interface Parts {
  files: FileOperations;
  search: SearchOperations;
  processes: ProcessOperations;
  git: GitOperations;
}

/**
 * The tools of a task on a tree in memory, with the engine's rules and codes; commands are run by a small simulated shell
 * that knows a handful of programs and those that are registered.
 */
export class MockToolExecutor implements ToolExecutor {
  readonly capabilities = MOCK_CAPABILITIES;
  readonly rootPath = ROOT;
  /** Servers that `gitClone` and `gitPush` reach; none at first. */
  readonly remotes = new MemoryRemotes();
  readonly #tree = new MemoryTree(ROOT);
  readonly #programs = new Map<string, SimulatedProgram>(Object.entries(BUILT_IN_PROGRAMS));
  readonly #host = new MemoryHost(this.#tree, this.#programs);
  readonly #simulation = new Simulation();
  readonly #parts: Parts;
  #repository: MemoryRepository | undefined;

  constructor() {
    const place = {
      tree: this.#tree,
      find: () => this.#repository,
      put: (repository: MemoryRepository) => {
        this.#repository = repository;
      },
    };
    const answers = new KeyedAnswers();
    const git = keyedGit(createMemoryGit(place, this.remotes), answers);
    this.#programs.set('git', gitProgram(git));
    this.#parts = {
      files: keyedFiles(createMemoryFiles(this.#tree), answers),
      search: createMemorySearch(this.#tree),
      processes: createProcessOperations(
        { root: ROOT, stateDir: '/mock', environment: { HOME: ROOT } },
        this.#host,
        {
          findDirectory: async (_root, cwd) => this.#findDirectory(cwd),
        },
      ),
      git,
    };
  }

  /** @param milliseconds before each call from now on */
  setLatency(milliseconds: number): void {
    this.#simulation.setLatency(milliseconds);
  }

  /** Lets calls fail; replaces what was set before. @param rules null for no failures any more */
  setSimulateFailures(rules: SimulatedFailures | readonly SimulatedFailures[] | null): void {
    this.#simulation.setSimulateFailures(rules);
  }

  /** Makes a program known to the simulated shell, in place of one of that name. */
  registerProgram(name: string, program: SimulatedProgram): void {
    this.#programs.set(name, program);
  }

  /** Puts a file into the tree, its parents made. @param mode POSIX permission bits; default 0o644 */
  putFile(path: string, content: string | Uint8Array, mode?: number): void {
    const place = this.#tree.resolve(path, { follow: false, createParents: true });
    this.#tree.put(place, newFile(Buffer.from(content), mode));
  }

  putDirectory(path: string): void {
    // Also a `.git`, which operations would refuse.
    let directory = this.#tree.root;
    for (const name of path.split('/')) {
      const present = directory.entries.get(name);
      const next = present?.kind === 'directory' ? present : newDirectory();
      directory.entries.set(name, next);
      directory = next;
    }
  }

  /** Puts a symbolic link into the tree. @param target stored as given */
  putLink(path: string, target: string): void {
    const place = this.#tree.resolve(path, { follow: false, createParents: true });
    this.#tree.put(place, newLink(target));
  }

  /** Empties the tree, and takes its repository away. */
  clear(): void {
    this.#tree.root.entries.clear();
    this.#repository = undefined;
  }

  /** Makes the tree a repository without a commit; one that is there already stays. */
  initRepository(branch: string): void {
    this.#repository ??= new MemoryRepository(branch);
  }

  /** Commits all there is. @returns the commit's id */
  commitAll(message: string, author: Identity, at?: string): string {
    this.initRepository('main');
    const repository = this.#repository ?? new MemoryRepository('main');
    return repository.commit(workingSnapshot(this.#tree, repository.headFiles), author, message, at).id;
  }

  readFile: FileOperations['readFile'] = (request, options) =>
    this.#call('readFile', options, () => this.#parts.files.readFile(request, options));
  writeFile: FileOperations['writeFile'] = (request, options) =>
    this.#call('writeFile', options, () => this.#parts.files.writeFile(request, options));
  deleteFile: FileOperations['deleteFile'] = (request, options) =>
    this.#call('deleteFile', options, () => this.#parts.files.deleteFile(request, options));
  searchReplace: FileOperations['searchReplace'] = (request, options) =>
    this.#call('searchReplace', options, () => this.#parts.files.searchReplace(request, options));
  listDirectory: FileOperations['listDirectory'] = (request, options) =>
    this.#call('listDirectory', options, () => this.#parts.files.listDirectory(request, options));
  statFile: FileOperations['statFile'] = (request, options) =>
    this.#call('statFile', options, () => this.#parts.files.statFile(request, options));
  moveFile: FileOperations['moveFile'] = (request, options) =>
    this.#call('moveFile', options, () => this.#parts.files.moveFile(request, options));
  makeDirectory: FileOperations['makeDirectory'] = (request, options) =>
    this.#call('makeDirectory', options, () => this.#parts.files.makeDirectory(request, options));
  uploadFile: FileOperations['uploadFile'] = (request, content, options) =>
    this.#call('uploadFile', options, () => this.#parts.files.uploadFile(request, content, options));
  downloadFile: FileOperations['downloadFile'] = (request, options) =>
    this.#call('downloadFile', options, () => this.#parts.files.downloadFile(request, options));
  searchFiles: SearchOperations['searchFiles'] = (request, options) =>
    this.#call('searchFiles', options, () => this.#parts.search.searchFiles(request, options));
  grepSearch: SearchOperations['grepSearch'] = (request, options) =>
    this.#call('grepSearch', options, () => this.#parts.search.grepSearch(request, options));
  codebaseSearch: SearchOperations['codebaseSearch'] = (request, options) =>
    this.#call('codebaseSearch', options, () => this.#parts.search.codebaseSearch(request, options));
  executeCommand: ProcessOperations['executeCommand'] = (request, options?: ExecuteOptions) =>
    this.#call('executeCommand', options, () => this.#parts.processes.executeCommand(request, options));
  listProcesses: ProcessOperations['listProcesses'] = (options) =>
    this.#call('listProcesses', options, () => this.#parts.processes.listProcesses(options));
  getProcess: ProcessOperations['getProcess'] = (request, options) =>
    this.#call('getProcess', options, () => this.#parts.processes.getProcess(request, options));
  writeStdin: ProcessOperations['writeStdin'] = (request, options) =>
    this.#call('writeStdin', options, () => this.#parts.processes.writeStdin(request, options));
  signalProcess: ProcessOperations['signalProcess'] = (request, options) =>
    this.#call('signalProcess', options, () => this.#parts.processes.signalProcess(request, options));
  resizeTerminal: ProcessOperations['resizeTerminal'] = (request, options) =>
    this.#call('resizeTerminal', options, () => this.#parts.processes.resizeTerminal(request, options));
  gitStatus: GitOperations['gitStatus'] = (options) =>
    this.#call('gitStatus', options, () => this.#parts.git.gitStatus(options));
  gitDiff: GitOperations['gitDiff'] = (request, options) =>
    this.#call('gitDiff', options, () => this.#parts.git.gitDiff(request, options));
  gitCommit: GitOperations['gitCommit'] = (request, options) =>
    this.#call('gitCommit', options, () => this.#parts.git.gitCommit(request, options));
  gitLog: GitOperations['gitLog'] = (request, options) =>
    this.#call('gitLog', options, () => this.#parts.git.gitLog(request, options));
  gitCheckout: GitOperations['gitCheckout'] = (request, options) =>
    this.#call('gitCheckout', options, () => this.#parts.git.gitCheckout(request, options));

  gitClone: GitOperations['gitClone'] = (request, options) =>
    this.#call('gitClone', options, () => this.#parts.git.gitClone(request, options));
  gitRestore: GitOperations['gitRestore'] = (request, content, options) =>
    this.#call('gitRestore', options, () => this.#parts.git.gitRestore(request, content, options));
  gitBundle: GitOperations['gitBundle'] = (request, options) =>
    this.#call('gitBundle', options, () => this.#parts.git.gitBundle(request, options));
  gitPush: GitOperations['gitPush'] = (request, options) =>
    this.#call('gitPush', options, () => this.#parts.git.gitPush(request, options));

  async *readOutput(
    ...[request, options]: Parameters<ProcessOperations['readOutput']>
  ): AsyncGenerator<OutputFrame> {
    try {
      await this.#simulation.before('readOutput', options);
    } catch (thrown) {
      yield { type: 'error', error: asResult(thrown).error };
      return;
    }
    yield* this.#parts.processes.readOutput(request, options);
  }

  async *watch(options: CallOptions): AsyncGenerator<FsChange> {
    if (options.signal?.aborted === true) return;
    await this.#simulation.before('watch', options);
    yield* this.#parts.files.watch(options);
  }

  async close(): Promise<void> {
    // Nothing is held; simulated processes run on.
  }

  /** Ends all processes: for the end of the workspace. */
  async shutdown(): Promise<void> {
    await this.#host.shutdown();
  }

  async #call<T extends object>(
    name: OperationName,
    options: CallOptions | undefined,
    work: () => Promise<Result<T>>,
  ): Promise<Result<T>> {
    try {
      await this.#simulation.before(name, options);
    } catch (thrown) {
      return asResult(thrown);
    }
    return await work();
  }

  #findDirectory(cwd: string | undefined): Result<{ path: string }> {
    try {
      const { relative } = this.#tree.directory(cwd ?? '.');
      return { success: true, path: relative === '' ? ROOT : `${ROOT}/${relative}` };
    } catch (thrown) {
      return { success: false, error: toShadowError(thrown).toOperationError() };
    }
  }
}
