import { failure, type OperationError, type Result } from '@shadow/protocol/errors';
import type {
  OutputFrame,
  ProcessInfo,
  ReadOutputRequest,
  SignalName,
  TerminalSize,
} from '@shadow/protocol/process';
import { TerminalBuffer } from '../terminal/terminal-buffer.ts';
import { type Child, type ExitStatus, signalName } from './child.ts';
import {
  groupGone,
  isGroupAlive,
  KILL_GRACE_MS,
  killGroup,
  processStartTime,
  signalGroup,
  signalGroupSoon,
  signalInsideSoon,
} from './group.ts';
import type { Launcher } from './launcher.ts';
import type { StartProcess } from './process-host.ts';
import { type ProcessRecord, processDirectory, writeRecord } from './process-record.ts';

/** What a leader leaves behind may finish by itself (`> >(tee log)`) before it is ended. */
const LINGER_MS = 250;
/** Output held open by a process that left the group is given up after so long. */
const DRAIN_MS = 1000;

type EndReason = 'timed-out' | 'cancelled';

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
  /** Resolves when nothing of the group is left and the end is recorded. */
  ended: Promise<void> = Promise.resolve();

  private constructor(stateDir: string, record: ProcessRecord) {
    this.stateDir = stateDir;
    this.#record = record;
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
    try {
      managed.#child = await launcher.launch(request, (stream, data) => {
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

  get fingerprint(): string {
    return this.#record.fingerprint;
  }

  get isRunning(): boolean {
    return this.#record.info.state === 'running';
  }

  /** Output by offset, then the end with the process as it is by then. */
  async *read(request: ReadOutputRequest, signal?: AbortSignal): AsyncGenerator<OutputFrame> {
    const buffer = this.#readableBuffer();
    let offset = request.fromOffset ?? buffer.start;
    let left = request.maxBytes ?? Number.POSITIVE_INFINITY;
    for await (const frame of buffer.read({
      fromOffset: offset,
      ...(request.maxBytes === undefined ? {} : { maxBytes: request.maxBytes }),
      ...(request.follow === undefined ? {} : { follow: request.follow }),
      ...(signal === undefined ? {} : { signal }),
    })) {
      if (frame.type === 'gap') offset = frame.toOffset;
      else {
        offset = frame.offset + frame.data.length;
        left -= frame.data.length;
      }
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
    this.#killing = killGroup(child.pid, KILL_GRACE_MS, this.#isIsolated);
  }

  async #supervise(child: Child, launcher: Launcher): Promise<void> {
    const status = await child.exited;
    // Whoever asked to end it before this moment decided its state; later is too late.
    const reason = this.#endReason;
    clearTimeout(this.#timeout);
    clearTimeout(this.#quiet);
    await this.#endRemains(child);
    await within(child.drained, DRAIN_MS);
    child.destroyOutput();
    await launcher.ended(child.pid);
    this.#finish(endOf(this.#isIsolated ? throughBubblewrap(status) : status, reason));
  }

  /** Ends what the leader left behind in its group or session. */
  async #endRemains(child: Child): Promise<void> {
    if (this.#killing !== undefined) {
      await this.#killing;
      return;
    }
    // The usual case costs one system call: no group, and nobody holds the output open.
    if (!signalGroup(child.pid, 0) && !this.info.isPty && (await within(child.drained, LINGER_MS))) return;
    if (!isGroupAlive(child.pid) || (await groupGone(child.pid, LINGER_MS))) return;
    await killGroup(child.pid);
  }

  #finish(end: Pick<ProcessInfo, 'state'> & Partial<ExitStatus>): void {
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

function newRecord(request: StartProcess, host: Launcher['hostIdentity']): ProcessRecord {
  return {
    version: 1,
    fingerprint: request.fingerprint,
    capacityBytes: request.capacityBytes ?? null,
    startTime: null,
    bootId: host.bootId,
    host: { pid: host.pid, startTime: host.startTime },
    info: {
      processId: request.processId,
      command: request.command,
      cwd: request.cwd,
      state: 'running',
      isBackground: request.isBackground,
      isPty: request.pty !== undefined,
      pid: null,
      exitCode: null,
      signal: null,
      startedAt: new Date().toISOString(),
      finishedAt: null,
      outputStart: 0,
      outputEnd: 0,
    },
  };
}

function endOf(status: ExitStatus, reason: EndReason | undefined): Pick<ProcessInfo, 'state'> & ExitStatus {
  return { ...status, state: reason ?? (status.signal === null ? 'exited' : 'signaled') };
}

/** Bubblewrap says a signal as a shell does, by an exit code of 128 and its number: taken for one here. */
function throughBubblewrap({ exitCode, signal }: ExitStatus): ExitStatus {
  const name = exitCode !== null && exitCode > 128 ? signalName(exitCode - 128) : undefined;
  return name === undefined ? { exitCode, signal } : { exitCode: null, signal: name };
}

function extentOf(buffer: TerminalBuffer): Pick<ProcessInfo, 'outputStart' | 'outputEnd'> {
  return { outputStart: buffer.start, outputEnd: buffer.end };
}

/** Whether the promise resolved in time. */
async function within(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  const isInTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return isInTime;
}
