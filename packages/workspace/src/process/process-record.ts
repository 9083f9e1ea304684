import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ProcessId, ProcessInfo } from '@shadow/protocol/process';
import * as z from 'zod';

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

const RECORD_FILE = 'process.jsonl';

/** Directory of a workspace's process records. */
function processesDirectory(stateDir: string): string {
  return join(stateDir, 'processes');
}

/** Directory of one process: its record and its segments. */
export function processDirectory(stateDir: string, processId: string): string {
  return join(processesDirectory(stateDir), processId);
}

/**
 * Writes the record down; synchronous, so that nothing runs unrecorded. It is added to the file as one line and the last
 * whole line holds: a replaced file costs a file system that secures such a rename (ext4) several times as much.
 */
export function writeRecord(stateDir: string, record: ProcessRecord): void {
  const directory = processDirectory(stateDir, record.info.processId);
  const path = join(directory, RECORD_FILE);
  // A line that a power cut left torn ends where the next one begins.
  const line = `\n${JSON.stringify(record)}\n`;
  const { state } = record.info;
  if (state === 'running' || state === 'failed') mkdirSync(directory, { recursive: true, mode: 0o700 });
  appendFileSync(path, line, { mode: 0o600 });
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
  for (const line of readLines(path).reverse()) {
    const record = parseRecord(line);
    if (record !== undefined) return record;
  }
  return undefined;
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function parseRecord(line: string): ProcessRecord | undefined {
  try {
    return ProcessRecord.safeParse(JSON.parse(line)).data;
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
