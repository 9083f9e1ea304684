import type { ProcessInfo } from '@shadow/protocol/process';
import { type ExitStatus, signalName } from './child.ts';
import type { StartProcess } from './process-host.ts';
import type { ProcessRecord } from './process-record.ts';

/** Why a process was ended from here. */
export type EndReason = 'timed-out' | 'cancelled';

/** Who writes a record. */
export interface HostIdentity {
  readonly pid: number;
  readonly startTime: string | null;
  readonly bootId: string | null;
}

/** The record of a process that is about to start. */
export function newRecord(request: StartProcess, host: HostIdentity): ProcessRecord {
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

/** How a process ended, by what the system says and who ended it. */
export function endOf(
  status: ExitStatus,
  reason: EndReason | undefined,
): Pick<ProcessInfo, 'state'> & ExitStatus {
  return { ...status, state: reason ?? (status.signal === null ? 'exited' : 'signaled') };
}

/** Bubblewrap says a signal as a shell does, by an exit code of 128 and its number: taken for one here. */
export function throughBubblewrap({ exitCode, signal }: ExitStatus): ExitStatus {
  const name = exitCode !== null && exitCode > 128 ? signalName(exitCode - 128) : undefined;
  return name === undefined ? { exitCode, signal } : { exitCode: null, signal: name };
}
