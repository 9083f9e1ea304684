import { type Result, ShadowError, toShadowError } from '@shadow/protocol/errors';
import type { OutputFrame, ProcessInfo } from '@shadow/protocol/process';
import { endWorkspaceEscapees } from '../process/escapees.ts';
import { Launcher, type LauncherOptions } from '../process/launcher.ts';
import type { ManagedProcess } from '../process/managed-process.ts';
import type {
  HostCapabilities,
  HostReadOutput,
  HostResize,
  HostSignal,
  HostStdin,
  MutationOptions,
  ProcessHost,
  ProcessRef,
  StartedFrame,
  StartProcess,
} from '../process/process-host.ts';
import { runProcess } from '../process/run-process.ts';
import { WorkspaceProcesses } from '../process/workspace-processes.ts';
import type { HeldFrame } from '../terminal/terminal-buffer.ts';
import { AnswerMemory } from './answer-memory.ts';

const SWEEP_MS = 60 * 60 * 1000;

export interface HostOptions extends LauncherOptions {
  /** Told of each workspace before its first use. */
  onWorkspace?: (stateDir: string) => void;
}

/** A process host inside this process: what it runs ends with it. */
export class InProcessHost implements ProcessHost {
  readonly capabilities: HostCapabilities;
  readonly #launcher: Launcher;
  readonly #onWorkspace: HostOptions['onWorkspace'];
  readonly #workspaces = new Map<string, Promise<WorkspaceProcesses>>();
  readonly #answers = new AnswerMemory();
  readonly #sweeper: NodeJS.Timeout;
  #isShuttingDown = false;

  constructor(launcher: Launcher, options: HostOptions = {}) {
    this.#launcher = launcher;
    this.#onWorkspace = options.onWorkspace;
    this.capabilities = launcher.capabilities;
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Processes that have not ended. */
  async runningCount(): Promise<number> {
    const workspaces = await Promise.all(this.#workspaces.values());
    return workspaces.reduce((sum, { runningCount }) => sum + runningCount, 0);
  }

  async startProcess(request: StartProcess): Promise<Result<{ process: ProcessInfo; created: boolean }>> {
    return await guarded(async () => (await this.#workspace(request.stateDir)).start(request));
  }

  runProcess(
    request: StartProcess,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<StartedFrame | OutputFrame> {
    return runProcess(this, request, options);
  }

  async listProcesses({ stateDir }: { stateDir: string }): Promise<Result<{ processes: ProcessInfo[] }>> {
    return await guarded(async () => ({
      success: true,
      processes: (await this.#workspace(stateDir)).list(),
    }));
  }

  async getProcess(ref: ProcessRef): Promise<Result<{ process: ProcessInfo }>> {
    return await this.#withProcess(ref, (managed) => ({ success: true, process: managed.describe() }));
  }

  async *readOutput(
    request: HostReadOutput,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<OutputFrame> {
    try {
      yield* (await this.#workspace(request.stateDir)).read(request, options.signal);
    } catch (error) {
      yield { type: 'error', error: toShadowError(error).toOperationError() };
    }
  }

  /** As `readOutput`, for a reader that can open the spill files: it is only told of what is much. */
  async *handOverOutput(
    request: HostReadOutput,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<OutputFrame | HeldFrame> {
    try {
      yield* (await this.#workspace(request.stateDir)).handOver(request, options.signal);
    } catch (error) {
      yield { type: 'error', error: toShadowError(error).toOperationError() };
    }
  }

  async writeStdin(request: HostStdin, { key }: MutationOptions = {}): Promise<Result> {
    return await this.#answers.once(key, () =>
      this.#withProcess(request, (managed) => managed.writeStdin(request.data, request.end === true)),
    );
  }

  async signalProcess(request: HostSignal, { key }: MutationOptions = {}): Promise<Result> {
    return await this.#answers.once(key, () =>
      this.#withProcess(request, (managed) => managed.signal(request.signal)),
    );
  }

  async resizeTerminal(request: HostResize): Promise<Result> {
    return await this.#withProcess(request, (managed) => managed.resize(request));
  }

  async cancelProcess(ref: ProcessRef): Promise<Result<{ process: ProcessInfo }>> {
    return await this.#withProcess(ref, async (managed) => {
      await managed.cancel();
      return { success: true, process: managed.info };
    });
  }

  async releaseWorkspace({ stateDir }: { stateDir: string }): Promise<Result> {
    return await guarded(async () => {
      const known = await this.#workspaces.get(stateDir);
      // One that this host has not opened may have been left something by an earlier one.
      await (known?.cancelAll() ?? endWorkspaceEscapees(stateDir));
      this.#workspaces.delete(stateDir);
      return { success: true };
    });
  }

  async shutdown(): Promise<void> {
    this.#isShuttingDown = true;
    clearInterval(this.#sweeper);
    const workspaces = await Promise.all(this.#workspaces.values());
    await Promise.all(workspaces.map((workspace) => workspace.cancelAll()));
  }

  async close(): Promise<void> {
    await this.shutdown();
  }

  /** Reads a workspace's records now, so that what a dead host left there is ended. */
  async recoverWorkspace(stateDir: string): Promise<void> {
    await this.#workspace(stateDir);
  }

  async #workspace(stateDir: string): Promise<WorkspaceProcesses> {
    if (this.#isShuttingDown) throw new ShadowError('UNAVAILABLE', 'The process host is shutting down.');
    const known = this.#workspaces.get(stateDir);
    if (known !== undefined) return await known;
    this.#onWorkspace?.(stateDir);
    const opening = WorkspaceProcesses.open(stateDir, this.#launcher);
    this.#workspaces.set(stateDir, opening);
    opening.catch(() => this.#workspaces.delete(stateDir));
    return await opening;
  }

  async #withProcess<T extends object>(
    ref: ProcessRef,
    work: (managed: ManagedProcess) => Result<T> | Promise<Result<T>>,
  ): Promise<Result<T>> {
    return await guarded(async () => {
      const found = (await this.#workspace(ref.stateDir)).find(ref.processId);
      return found.success ? await work(found.managed) : found;
    });
  }

  async #sweep(): Promise<void> {
    for (const workspace of this.#workspaces.values()) (await workspace).removeExpired(Date.now());
  }
}

/** A host inside this process, with what the machine offers found out. */
export async function createInProcessHost(options: HostOptions = {}): Promise<InProcessHost> {
  return new InProcessHost(await Launcher.create(options), options);
}

async function guarded<T extends object>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (error) {
    return { success: false, error: toShadowError(error).toOperationError() };
  }
}
