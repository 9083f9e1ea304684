import { failure, type OperationError, type Result } from '@shadow/protocol/errors';
import type {
  OutputFrame,
  ProcessInfo,
  ReadOutputRequest,
  ResourceUsage,
  SignalName,
  TerminalSize,
} from '@shadow/protocol/process';
import {
  type BufferFrame,
  type HeldFrame,
  offsetAfter,
  type ReadBufferOptions,
  TerminalBuffer,
} from '../terminal/terminal-buffer.ts';
import type { Child, ExitStatus } from './child.ts';
import { Escapees, markedEnvironment } from './escapees.ts';
import { KILL_GRACE_MS, killGroup, processStartTime, signalGroupSoon, signalInsideSoon } from './group.ts';
import type { Launcher } from './launcher.ts';
import { type EndReason, endOf, newRecord, throughBubblewrap } from './new-record.ts';
import type { StartProcess } from './process-host.ts';
import { type ProcessRecord, processDirectory, writeRecord } from './process-record.ts';
import type { ProcessStat } from './process-table.ts';
import { endRemains } from './remains.ts';
import { UsageMeter } from './usage.ts';
import { within } from './within.ts';

/** Output held open by a process that left the group is given up after so long. */
const DRAIN_MS = 1000;

/** Signals that are meant to end a process, if they do. */
const ENDING: ReadonlySet<SignalName> = new Set(['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** One process of this host, from its start until its record is closed. */
export class ManagedProcess {
  readonly stateDir: string;
  #record: ProcessRecord;
  #buffer: TerminalBuffer | undefined;
  #child: Child | undefined;
  #endReason: EndReason | undefined;
  #killing: Promise<boolean> | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #isInputOpen = false;
  #isIsolated = false;
  /** A signal that was meant to end it was sent. */
  #isToldToEnd = false;
  readonly #meter = new UsageMeter();
  readonly #escapees: Escapees;
  #launcher: Launcher | undefined;
  /** Resolves when nothing of the group is left and the end is recorded. */
  ended: Promise<void> = Promise.resolve();

  private constructor(stateDir: string, record: ProcessRecord) {
    this.stateDir = stateDir;
    this.#record = record;
    this.#escapees = new Escapees(stateDir, record.info.processId);
  }

  /** A process that ended in an earlier life of the host; its output is read from disk when asked for. */
  static fromRecord(stateDir: string, record: ProcessRecord): ManagedProcess {
    return new ManagedProcess(stateDir, record);
  }

  /**
   * Starts a command and records it.
   *
   * @throws the system's error when it cannot be started; that, too, is recorded (`failed`)
   */
  static async start(request: StartProcess, launcher: Launcher): Promise<ManagedProcess> {
    const managed = new ManagedProcess(request.stateDir, newRecord(request, launcher.hostIdentity));
    const buffer = TerminalBuffer.create({
      directory: processDirectory(request.stateDir, request.processId),
      ...(request.capacityBytes === undefined ? {} : { capacityBytes: request.capacityBytes }),
    });
    managed.#buffer = buffer;
    managed.#isIsolated = request.isolation !== undefined;
    managed.#launcher = launcher;
    const env = markedEnvironment(request.env, request.stateDir, request.processId);
    try {
      managed.#child = await launcher.launch({ ...request, env }, (stream, data) => {
        managed.#quiet?.refresh();
        buffer.append(stream, data);
      });
    } catch (error) {
      managed.#finish({ state: 'failed' });
      throw error;
    }
    managed.#began(request, managed.#child);
    managed.ended = managed.#supervise(managed.#child, launcher);
    return managed;
  }

  get info(): ProcessInfo {
    const buffer = this.#buffer;
    if (buffer === undefined) return this.#record.info;
    return { ...this.#record.info, outputStart: buffer.start, outputEnd: buffer.end };
  }

  /** The process with what it uses now. @param table the system's processes, where they have been read already */
  describe(table?: readonly ProcessStat[]): ProcessInfo {
    const { info } = this;
    const usage = this.isRunning ? this.#look(table) : undefined;
    return usage === undefined ? info : { ...info, usage };
  }

  get fingerprint(): string {
    return this.#record.fingerprint;
  }

  get isRunning(): boolean {
    return this.#record.info.state === 'running';
  }

  /** Output by offset, then the end with the process as it is by then. */
  read(request: ReadOutputRequest, signal?: AbortSignal): AsyncGenerator<OutputFrame> {
    return this.#read(request, signal, (buffer, range) => buffer.read(range));
  }

  /** The same for a reader that takes what is much from the spill files by itself. */
  handOver(request: ReadOutputRequest, signal?: AbortSignal): AsyncGenerator<OutputFrame | HeldFrame> {
    return this.#read<BufferFrame | HeldFrame>(request, signal, (buffer, range) => buffer.handOver(range));
  }

  async *#read<Frame extends BufferFrame | HeldFrame>(
    request: ReadOutputRequest,
    signal: AbortSignal | undefined,
    framesOf: (buffer: TerminalBuffer, range: ReadBufferOptions) => AsyncIterable<Frame>,
  ): AsyncGenerator<Frame | Extract<OutputFrame, { type: 'end' }>> {
    const buffer = this.#readableBuffer();
    let offset = request.fromOffset ?? buffer.start;
    let left = request.maxBytes ?? Number.POSITIVE_INFINITY;
    const range: ReadBufferOptions = {
      fromOffset: offset,
      ...(request.maxBytes === undefined ? {} : { maxBytes: request.maxBytes }),
      ...(request.follow === undefined ? {} : { follow: request.follow }),
      ...(signal === undefined ? {} : { signal }),
    };
    for await (const frame of framesOf(buffer, range)) {
      const next = offsetAfter(frame);
      if (frame.type !== 'gap') left -= next - offset;
      offset = next;
      yield frame;
    }
    if (signal?.aborted === true) return;
    // A follower that has it all is told how the process ended, not that it was about to.
    if (request.follow === true && left > 0) await this.ended;
    yield { type: 'end', offset, process: this.info };
  }

  async writeStdin(data: string, end: boolean): Promise<Result> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return this.#notRunning();
    if (!this.#isInputOpen) {
      return failure('VALIDATION_FAILED', 'Standard input of this process is closed.', {
        processId: this.info.processId,
      });
    }
    const isWritten = data === '' || (await child.writeStdin(data));
    if (end) this.#closeInput(child);
    return isWritten ? { success: true } : this.#notRunning();
  }

  async signal(signal: SignalName): Promise<Result> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return this.#notRunning();
    if (ENDING.has(signal)) {
      this.#isToldToEnd = true;
      // KILL leaves nobody a moment; after any other signal the command may go on, and its own with it.
      if (signal === 'SIGKILL') this.#prepareEnd(child);
    }
    // KILL is for bubblewrap too: nothing inside could handle it.
    const isInside = this.#isIsolated && signal !== 'SIGKILL';
    const isReached = isInside
      ? await signalInsideSoon(child.pid, signal)
      : await signalGroupSoon(child.pid, signal);
    return isReached ? { success: true } : this.#notRunning();
  }

  resize(size: TerminalSize): Result {
    if (!this.info.isPty) return failure('UNSUPPORTED', 'This process does not run on a terminal.');
    if (this.#child === undefined || !this.isRunning) return this.#notRunning();
    this.#child.resize(size);
    return { success: true };
  }

  /** Ends the whole group; resolves when it is gone and recorded. */
  async cancel(): Promise<void> {
    if (this.isRunning) this.#end('cancelled');
    await this.ended;
  }

  /** Writes the record again; for what changed it from outside (a lost process). */
  markLost(finishedAt: string): void {
    this.#record = {
      ...this.#record,
      info: { ...this.#record.info, state: 'lost', finishedAt, ...extentOf(this.#readableBuffer()) },
    };
    writeRecord(this.stateDir, this.#record);
  }

  #began(request: StartProcess, child: Child): void {
    const { timeoutMs, noOutputTimeoutMs } = request;
    this.#record = {
      ...this.#record,
      startTime: processStartTime(child.pid) ?? null,
      info: { ...this.#record.info, pid: child.pid },
    };
    writeRecord(this.stateDir, this.#record);
    if (timeoutMs !== undefined) this.#timeout = setTimeout(() => this.#end('timed-out'), timeoutMs);
    if (noOutputTimeoutMs !== undefined) {
      this.#quiet = setTimeout(() => this.#end('timed-out'), noOutputTimeoutMs);
    }
    if (request.stdin !== undefined) {
      void child.writeStdin(request.stdin);
      child.endStdin();
    } else {
      this.#isInputOpen = request.isBackground || request.pty !== undefined;
    }
  }

  #closeInput(child: Child): void {
    child.endStdin();
    // A terminal stays open: its end-of-file character ends one read, not the input.
    this.#isInputOpen = this.info.isPty;
  }

  #end(reason: EndReason): void {
    const child = this.#child;
    if (child === undefined || this.#killing !== undefined) return;
    this.#endReason = reason;
    this.#prepareEnd(child);
    this.#killing = killGroup(child.pid, KILL_GRACE_MS, this.#isIsolated);
  }

  /** The last look at what is about to be killed; who has left its group is asked to end, too. */
  #prepareEnd(child: Child): void {
    this.#look();
    this.#escapees.terminate(child.pid);
  }

  #look(table?: readonly ProcessStat[], child = this.#child): ResourceUsage | undefined {
    return child && this.#meter.look(child.pid, this.#launcher?.groupUsage(child.pid), table);
  }

  async #supervise(child: Child, launcher: Launcher): Promise<void> {
    const status = await child.exited;
    const leaderMs = launcher.exited(child.pid);
    // Whoever asked to end it before this moment decided its state; later is too late.
    const reason = this.#endReason;
    clearTimeout(this.#timeout);
    clearTimeout(this.#quiet);
    const end = endOf(this.#isIsolated ? throughBubblewrap(status) : status, reason);
    await (this.#killing ?? endRemains(child, this.info.isPty));
    // Who left the group of a command that came to its own end was meant to stay, until the workspace goes.
    if (reason !== undefined || (this.#isToldToEnd && end.signal !== null)) await this.#escapees.end();
    await within(child.drained, DRAIN_MS);
    child.destroyOutput();
    const usage = this.#meter.end(launcher.groupUsage(child.pid), leaderMs);
    await launcher.ended(child.pid);
    this.#finish({ ...end, ...(usage === undefined ? {} : { usage }) });
  }

  #finish(end: Pick<ProcessInfo, 'state' | 'usage'> & Partial<ExitStatus>): void {
    const buffer = this.#readableBuffer();
    buffer.close();
    this.#child = undefined;
    this.#record = {
      ...this.#record,
      info: { ...this.#record.info, ...end, ...extentOf(buffer), finishedAt: new Date().toISOString() },
    };
    try {
      writeRecord(this.stateDir, this.#record);
    } catch {
      // A full disk or a removed workspace: memory still knows the end, and a restart will call it lost.
    }
  }

  #readableBuffer(): TerminalBuffer {
    this.#buffer ??= TerminalBuffer.load(
      { directory: processDirectory(this.stateDir, this.#record.info.processId) },
      this.#record.info.outputEnd,
    );
    return this.#buffer;
  }

  #notRunning(): { success: false; error: OperationError } {
    const { processId, state } = this.info;
    return failure('PROCESS_NOT_RUNNING', `Process ${processId} has ended (${state}).`, { processId, state });
  }
}

function extentOf(buffer: TerminalBuffer): Pick<ProcessInfo, 'outputStart' | 'outputEnd'> {
  return { outputStart: buffer.start, outputEnd: buffer.end };
}
