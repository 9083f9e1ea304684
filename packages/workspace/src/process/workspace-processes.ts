import { failure, type Result, ShadowError } from '@shadow/protocol/errors';
import type { OutputFrame, ProcessInfo } from '@shadow/protocol/process';
import type { HeldFrame } from '../terminal/terminal-buffer.ts';
import { Escapees, endWorkspaceEscapees } from './escapees.ts';
import { bootId, isSameProcess, killGroup, processStartTime } from './group.ts';
import type { Launcher } from './launcher.ts';
import { ManagedProcess } from './managed-process.ts';
import type { HostReadOutput, StartProcess } from './process-host.ts';
import { type ProcessRecord, readRecords, removeRecord } from './process-record.ts';
import { readProcessTable } from './process-table.ts';

/** How long an ended process and its output are kept. */
const RETENTION_MS = 24 * 60 * 60 * 1000;

/** The processes of one workspace, those of earlier hosts included. */
export class WorkspaceProcesses {
  readonly #stateDir: string;
  readonly #launcher: Launcher;
  readonly #processes = new Map<string, ManagedProcess>();
  /** Starts under way, so that two of one id become one. */
  readonly #starting = new Map<string, Promise<ManagedProcess>>();

  private constructor(stateDir: string, launcher: Launcher) {
    this.#stateDir = stateDir;
    this.#launcher = launcher;
  }

  /** Reads the records; ends what a dead host left running and calls it lost. */
  static async open(stateDir: string, launcher: Launcher): Promise<WorkspaceProcesses> {
    const workspace = new WorkspaceProcesses(stateDir, launcher);
    await Promise.all(readRecords(stateDir).map((record) => workspace.#adopt(record)));
    workspace.removeExpired(Date.now());
    return workspace;
  }

  get runningCount(): number {
    return [...this.#processes.values()].filter(({ isRunning }) => isRunning).length + this.#starting.size;
  }

  /** Every process, with what the running ones use now. */
  list(): ProcessInfo[] {
    const all = [...this.#processes.values()];
    const table = all.some(({ isRunning }) => isRunning) ? readProcessTable() : undefined;
    return all.map((managed) => managed.describe(table));
  }

  find(processId: string): Result<{ managed: ManagedProcess }> {
    const managed = this.#processes.get(processId);
    if (managed === undefined) {
      return failure('PROCESS_NOT_FOUND', `There is no process ${processId} in this workspace.`, {
        processId,
      });
    }
    return { success: true, managed };
  }

  async start(request: StartProcess): Promise<Result<{ process: ProcessInfo; created: boolean }>> {
    const { processId } = request;
    for (
      let other = this.#starting.get(processId);
      other !== undefined;
      other = this.#starting.get(processId)
    ) {
      await other.catch(() => undefined);
    }
    // From here to the entry in #starting nothing is awaited: of many that come at once, one starts.
    const existing = this.#processes.get(processId);
    if (existing !== undefined) return sameProcess(existing, request);
    const starting = ManagedProcess.start(request, this.#launcher);
    this.#starting.set(request.processId, starting);
    try {
      const managed = await starting;
      this.#processes.set(request.processId, managed);
      return { success: true, process: managed.info, created: true };
    } catch (error) {
      if (error instanceof ShadowError) return { success: false, error: error.toOperationError() };
      return failure('SPAWN_FAILED', `The command could not be started: ${reasonOf(error)}.`, {
        processId: request.processId,
      });
    } finally {
      this.#starting.delete(request.processId);
    }
  }

  async *read(request: HostReadOutput, signal?: AbortSignal): AsyncGenerator<OutputFrame> {
    const found = this.find(request.processId);
    if (found.success) yield* found.managed.read(request, signal);
    else yield { type: 'error', error: found.error };
  }

  async *handOver(request: HostReadOutput, signal?: AbortSignal): AsyncGenerator<OutputFrame | HeldFrame> {
    const found = this.find(request.processId);
    if (found.success) yield* found.managed.handOver(request, signal);
    else yield { type: 'error', error: found.error };
  }

  /** Ends every process of the workspace, and what ended commands have left behind. */
  async cancelAll(): Promise<void> {
    await Promise.allSettled(this.#starting.values());
    await Promise.all([...this.#processes.values()].map((managed) => managed.cancel()));
    await endWorkspaceEscapees(this.#stateDir);
  }

  /** Forgets what ended long ago. */
  removeExpired(now: number): void {
    for (const [processId, { info }] of this.#processes) {
      if (info.finishedAt === null || Date.parse(info.finishedAt) > now - RETENTION_MS) continue;
      this.#processes.delete(processId);
      removeRecord(this.#stateDir, processId);
    }
  }

  async #adopt(record: ProcessRecord): Promise<void> {
    const managed = ManagedProcess.fromRecord(this.#stateDir, record);
    this.#processes.set(record.info.processId, managed);
    if (record.info.state !== 'running' || isHostAlive(record)) return;
    const { pid } = record.info;
    // The leader may be gone while its group lives on: its pid is then still taken, so nobody else can have it.
    if (pid !== null && isLeftover(pid, record)) await killGroup(pid);
    if (record.bootId === bootId()) await new Escapees(this.#stateDir, record.info.processId).end();
    managed.markLost(new Date().toISOString());
  }
}

function isHostAlive({ host }: ProcessRecord): boolean {
  return host.pid !== process.pid && isSameProcess(host.pid, host.startTime);
}

/** Whether a group of this number can only be the recorded one: its leader is the same, or gone for good. */
function isLeftover(pid: number, { startTime, bootId: boot }: ProcessRecord): boolean {
  if (startTime === null || boot !== bootId()) return false;
  const present = processStartTime(pid);
  return present === undefined || present === startTime;
}

function sameProcess(
  existing: ManagedProcess,
  request: StartProcess,
): Result<{ process: ProcessInfo; created: boolean }> {
  if (existing.fingerprint === request.fingerprint) {
    return { success: true, process: existing.info, created: false };
  }
  return failure('IDEMPOTENCY_MISMATCH', `Process ${request.processId} was started as another command.`, {
    processId: request.processId,
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
