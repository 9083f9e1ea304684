import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProcessId, ProcessInfo } from '@shadow/protocol/process';
import { z } from 'zod';

/** What outlives the host about one process; its environment and input are never written down. */
export const ProcessRecord = z.object({
  version: z.literal(1),
  info: ProcessInfo,
  fingerprint: z.string(),
  capacityBytes: z.int().nullable(),
  /** Kernel start times tell pids from their reuse. */
  startTime: z.string().nullable(),
  /** The system's run in which all this was true. */
  bootId: z.string().nullable(),
  host: z.object({ pid: z.int(), startTime: z.string().nullable() }),
});
export type ProcessRecord = z.infer<typeof ProcessRecord>;

const RECORD_FILE = 'process.json';

/** Directory of a workspace's process records. */
function processesDirectory(stateDir: string): string {
  return join(stateDir, 'processes');
}

/** Directory of one process: its record and its segments. */
export function processDirectory(stateDir: string, processId: string): string {
  return join(processesDirectory(stateDir), processId);
}

/** Replaces the record atomically; synchronous, so that nothing runs unrecorded. */
export function writeRecord(stateDir: string, record: ProcessRecord): void {
  const directory = processDirectory(stateDir, record.info.processId);
  const temporary = join(directory, `${RECORD_FILE}.tmp`);
  const text = JSON.stringify(record);
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
  } catch (error) {
    if (!isMissing(error)) throw error;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, text, { mode: 0o600 });
  }
  renameSync(temporary, join(directory, RECORD_FILE));
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Every readable record of a workspace, oldest first. */
export function readRecords(stateDir: string): ProcessRecord[] {
  const records: ProcessRecord[] = [];
  for (const name of listDirectory(processesDirectory(stateDir))) {
    if (!ProcessId.safeParse(name).success) continue;
    const record = readRecord(join(processesDirectory(stateDir), name, RECORD_FILE));
    if (record !== undefined && record.info.processId === name) records.push(record);
  }
  return records.sort((a, b) => a.info.startedAt.localeCompare(b.info.startedAt));
}

/** Removes a process's record and output. */
export function removeRecord(stateDir: string, processId: string): void {
  rmSync(processDirectory(stateDir, processId), { recursive: true, force: true });
}

function readRecord(path: string): ProcessRecord | undefined {
  try {
    return ProcessRecord.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
