import {
  failure,
  type OutputFrame,
  type ProcessInfo,
  type ResourceUsage,
  type Result,
  type SignalName,
} from '@shadow/protocol';
import type { HostReadOutput, StartProcess } from '@shadow/workspace';
import type { MemoryTree } from '../tree/memory-tree.ts';
import { InputPipe } from './input-pipe.ts';
import { MemoryOutput } from './memory-output.ts';
import type { SimulatedProgram } from './program.ts';
import { runShellLine } from './shell.ts';

const SIMULATED_MEMORY_BYTES = 4 * 1024 * 1024;

type End = Pick<ProcessInfo, 'state'> & Partial<Pick<ProcessInfo, 'exitCode' | 'signal'>>;

/** One simulated process, from its start to its end. */
export class MemoryProcess {
  readonly fingerprint: string;
  readonly #output = new MemoryOutput();
  readonly #input: InputPipe;
  readonly #abort = new AbortController();
  #info: ProcessInfo;
  #isInputOpen: boolean;
  #timeout: NodeJS.Timeout | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #going: Promise<void> = Promise.resolve();
  #goOn = (): void => {};
  #ended = (): void => {};
  readonly ended = new Promise<void>((resolve) => {
    this.#ended = resolve;
  });

  constructor(request: StartProcess, tree: MemoryTree, programs: ReadonlyMap<string, SimulatedProgram>) {
    this.fingerprint = request.fingerprint;
    this.#isInputOpen = request.stdin === undefined && request.isBackground;
    this.#input = new InputPipe(this.#isInputOpen ? undefined : Buffer.from(request.stdin ?? ''));
    this.#info = newInfo(request);
    const { timeoutMs, noOutputTimeoutMs } = request;
    if (timeoutMs !== undefined)
      this.#timeout = setTimeout(() => this.#end({ state: 'timed-out' }), timeoutMs);
    if (noOutputTimeoutMs !== undefined) {
      this.#quiet = setTimeout(() => this.#end({ state: 'timed-out' }), noOutputTimeoutMs);
    }
    void this.#run(request, tree, programs);
  }

  get info(): ProcessInfo {
    return { ...this.#info, outputStart: this.#output.start, outputEnd: this.#output.end };
  }

  /** The process with what it would use now. */
  describe(): ProcessInfo {
    return this.isRunning ? { ...this.info, usage: simulatedUsage(this.#info) } : this.info;
  }

  get isRunning(): boolean {
    return this.#info.state === 'running';
  }

  async *read(request: HostReadOutput, signal?: AbortSignal): AsyncGenerator<OutputFrame> {
    let offset = request.fromOffset ?? this.#output.start;
    let left = request.maxBytes ?? Number.POSITIVE_INFINITY;
    for await (const frame of this.#output.read({ ...request, signal })) {
      if (frame.type === 'gap') offset = frame.toOffset;
      else {
        offset = frame.offset + frame.data.length;
        left -= frame.data.length;
      }
      yield frame;
    }
    if (signal?.aborted === true) return;
    if (request.follow === true && left > 0) await this.ended;
    yield { type: 'end', offset, process: this.info };
  }

  writeStdin(data: string, end: boolean): Result {
    if (!this.isRunning) return this.#notRunning();
    if (!this.#isInputOpen) {
      return failure('VALIDATION_FAILED', 'Standard input of this process is closed.', {
        processId: this.#info.processId,
      });
    }
    this.#input.write(Buffer.from(data));
    if (end) {
      this.#isInputOpen = false;
      this.#input.end();
    }
    return { success: true };
  }

  signal(signal: SignalName): Result {
    if (!this.isRunning) return this.#notRunning();
    if (signal === 'SIGSTOP') this.#stop();
    else if (signal === 'SIGCONT') this.#goOn();
    else this.#end({ state: 'signaled', signal });
    return { success: true };
  }

  cancel(): void {
    this.#end({ state: 'cancelled' });
  }

  async #run(
    request: StartProcess,
    tree: MemoryTree,
    programs: ReadonlyMap<string, SimulatedProgram>,
  ): Promise<void> {
    const write = (stream: 'stdout' | 'stderr') => async (data: string | Uint8Array) => {
      await this.#going;
      this.#abort.signal.throwIfAborted();
      this.#quiet?.refresh();
      this.#output.append(stream, Buffer.from(data));
    };
    // Whoever started it is told so before there is any output.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const exitCode = await runShellLine(request.command, {
        tree,
        programs,
        cwd: request.cwd,
        env: request.env,
        stdin: this.#input,
        stdout: write('stdout'),
        stderr: write('stderr'),
        signal: this.#abort.signal,
      });
      this.#end({ state: 'exited', exitCode });
    } catch (thrown) {
      // An ended process unwinds by its signal; any other failure is that of a registered program.
      if (!this.isRunning) return;
      this.#output.append('stderr', Buffer.from(`${String(thrown)}\n`));
      this.#end({ state: 'exited', exitCode: 70 });
    }
  }

  #stop(): void {
    this.#going = new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  #end(end: End): void {
    if (!this.isRunning) return;
    clearTimeout(this.#timeout);
    clearTimeout(this.#quiet);
    const finished = { ...this.#info, ...end, finishedAt: new Date().toISOString() };
    this.#info = { ...finished, usage: simulatedUsage(finished) };
    this.#output.close();
    this.#abort.abort();
    this.#goOn();
    this.#ended();
  }

  #notRunning(): ReturnType<typeof failure> {
    const { processId, state } = this.#info;
    return failure('PROCESS_NOT_RUNNING', `Process ${processId} has ended (${state}).`, { processId, state });
  }
}

/** A process that computes a tenth of its time and holds the same memory throughout. */
function simulatedUsage({ state, startedAt, finishedAt }: ProcessInfo): ResourceUsage {
  const elapsedMs = (finishedAt === null ? Date.now() : Date.parse(finishedAt)) - Date.parse(startedAt);
  const isRunning = state === 'running';
  return {
    cpuMs: 1 + Math.floor(Math.max(0, elapsedMs) / 10),
    memoryBytes: isRunning ? SIMULATED_MEMORY_BYTES : 0,
    peakMemoryBytes: SIMULATED_MEMORY_BYTES,
    processCount: isRunning ? 1 : 0,
  };
}

function newInfo(request: StartProcess): ProcessInfo {
  return {
    processId: request.processId,
    command: request.command,
    cwd: request.cwd,
    state: 'running',
    isBackground: request.isBackground,
    isPty: false,
    pid: null,
    exitCode: null,
    signal: null,
    startedAt: new Date().toISOString(),
    finishedAt: null,
    outputEnd: 0,
    outputStart: 0,
  };
}
