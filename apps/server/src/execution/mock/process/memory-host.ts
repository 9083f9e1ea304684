import { failure, type OutputFrame, type ProcessInfo, type Result } from '@shadow/protocol';
import {
  type HostReadOutput,
  type HostResize,
  type HostSignal,
  type HostStdin,
  type MutationOptions,
  type ProcessHost,
  type ProcessRef,
  runProcess,
  type StartedFrame,
  type StartProcess,
} from '@shadow/workspace';
import type { MemoryTree } from '../tree/memory-tree.ts';
import { MemoryProcess } from './memory-process.ts';
import type { SimulatedProgram } from './program.ts';

/** A process host of one workspace whose processes are simulated. */
export class MemoryHost implements ProcessHost {
  readonly capabilities = { limits: 'none', diskLimits: false, isolation: 'none', pty: false } as const;
  readonly #tree: MemoryTree;
  readonly #programs: ReadonlyMap<string, SimulatedProgram>;
  readonly #processes = new Map<string, MemoryProcess>();
  readonly #answers = new Map<string, Result>();

  constructor(tree: MemoryTree, programs: ReadonlyMap<string, SimulatedProgram>) {
    this.#tree = tree;
    this.#programs = programs;
  }

  async startProcess(request: StartProcess): Promise<Result<{ process: ProcessInfo; created: boolean }>> {
    if (request.pty !== undefined) {
      return failure('UNSUPPORTED', 'Simulated processes do not run on terminals.');
    }
    const { processId } = request;
    const existing = this.#processes.get(processId);
    if (existing !== undefined && existing.fingerprint !== request.fingerprint) {
      return failure('IDEMPOTENCY_MISMATCH', `Process ${processId} was started as another command.`, {
        processId,
      });
    }
    const started = existing ?? new MemoryProcess(request, this.#tree, this.#programs);
    this.#processes.set(processId, started);
    return { success: true, process: started.info, created: existing === undefined };
  }

  runProcess(
    request: StartProcess,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<StartedFrame | OutputFrame> {
    return runProcess(this, request, options);
  }

  async listProcesses(): Promise<Result<{ processes: ProcessInfo[] }>> {
    return { success: true, processes: [...this.#processes.values()].map((process) => process.describe()) };
  }

  async getProcess(ref: ProcessRef): Promise<Result<{ process: ProcessInfo }>> {
    return this.#with(ref, (process) => ({ success: true, process: process.describe() }));
  }

  async *readOutput(
    request: HostReadOutput,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<OutputFrame> {
    const found = this.#processes.get(request.processId);
    if (found === undefined) yield { type: 'error', error: notFound(request.processId).error };
    else yield* found.read(request, signal);
  }

  async writeStdin(request: HostStdin, options: MutationOptions = {}): Promise<Result> {
    return this.#once(options, () =>
      this.#with(request, (process) => process.writeStdin(request.data, request.end === true)),
    );
  }

  async signalProcess(request: HostSignal, options: MutationOptions = {}): Promise<Result> {
    return this.#once(options, () => this.#with(request, (process) => process.signal(request.signal)));
  }

  async resizeTerminal(request: HostResize): Promise<Result> {
    return this.#with(request, () => failure('UNSUPPORTED', 'This process does not run on a terminal.'));
  }

  async cancelProcess(ref: ProcessRef): Promise<Result<{ process: ProcessInfo }>> {
    return this.#with(ref, (process) => {
      process.cancel();
      return { success: true, process: process.info };
    });
  }

  async releaseWorkspace(): Promise<Result> {
    for (const process of this.#processes.values()) process.cancel();
    this.#processes.clear();
    return { success: true };
  }

  async shutdown(): Promise<void> {
    await this.releaseWorkspace();
  }

  async close(): Promise<void> {
    await this.shutdown();
  }

  #with<T extends object>(ref: ProcessRef, work: (process: MemoryProcess) => Result<T>): Result<T> {
    const found = this.#processes.get(ref.processId);
    return found === undefined ? notFound(ref.processId) : work(found);
  }

  #once({ key }: MutationOptions, work: () => Result): Result {
    const known = key === undefined ? undefined : this.#answers.get(key);
    const answer = known ?? work();
    if (key !== undefined) this.#answers.set(key, answer);
    return answer;
  }
}

function notFound(processId: string): ReturnType<typeof failure> {
  return failure('PROCESS_NOT_FOUND', `There is no process ${processId} in this workspace.`, { processId });
}
