import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isSameProcess, KILL_GRACE_MS, signalOne } from './group.ts';
import { inGroup, type ProcessStat, readProcessTable, withDescendants } from './process-table.ts';

/** In the environment of every command, and so of everything it starts that does not clear it. */
const MARKER = 'SHADOW_PROCESS_ID';
const POLL_MS = 20;
/** What forks while it is killed is found by looking again. */
const MAX_PASSES = 10;

/** The environment of a command, with the mark by which whatever it starts is found again. */
export function markedEnvironment(
  env: Readonly<Record<string, string>>,
  stateDir: string,
  processId: string,
): Record<string, string> {
  return { ...env, [MARKER]: markOf(stateDir, processId) };
}

/**
 * What a command started and what left its process group and session since (`setsid`, a daemon). It is known by the mark
 * in its environment or by its parents. Unknown remains who did both: cleared its environment and lost its parent.
 */
export class Escapees {
  readonly #mark: string;
  #known: ProcessStat[] = [];

  constructor(stateDir: string, processId: string) {
    this.#mark = markOf(stateDir, processId);
  }

  /** Asks those who are there to end; done before their parents are gone. @param leader of the command's group */
  terminate(leader: number): void {
    const table = readProcessTable() ?? [];
    const members = inGroup(table, leader);
    const group = new Set(members.map(({ pid }) => pid));
    const related = withDescendants(table, [...members, ...marked(table, (mark) => mark === this.#mark)]);
    this.#known = related.filter(({ pid }) => !group.has(pid));
    askToEnd(this.#known);
  }

  /** Ends them: TERM, grace, KILL. Resolves when none is left that can be killed. */
  async end(graceMs: number = KILL_GRACE_MS): Promise<void> {
    await endAll((mark) => mark === this.#mark, this.#known, graceMs);
    this.#known = [];
  }
}

/** Ends everything that any command of a workspace has left behind, also of commands that ended long ago. */
export async function endWorkspaceEscapees(stateDir: string): Promise<void> {
  const prefix = markOf(stateDir, '');
  await endAll((mark) => mark.startsWith(prefix), [], KILL_GRACE_MS);
}

async function endAll(
  isMeant: (mark: string) => boolean,
  asked: readonly ProcessStat[],
  graceMs: number,
): Promise<void> {
  const deadline = performance.now() + graceMs;
  const alreadyAsked = new Set(asked.map(({ pid }) => pid));
  let left = unique([...asked.filter(isAlive), ...markedNow(isMeant)]);
  askToEnd(left.filter(({ pid }) => !alreadyAsked.has(pid)));
  await gone(left, deadline);
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    left = unique([...left.filter(isAlive), ...markedNow(isMeant)]);
    if (left.length === 0) return;
    for (const { pid } of left) signalOne(pid, 'SIGKILL');
    await gone(left, performance.now() + KILL_GRACE_MS / MAX_PASSES);
  }
}

function markOf(stateDir: string, processId: string): string {
  return `${createHash('sha256').update(stateDir).digest('hex').slice(0, 16)}.${processId}`;
}

function markedNow(isMeant: (mark: string) => boolean): ProcessStat[] {
  return marked(readProcessTable() ?? [], isMeant);
}

function marked(table: readonly ProcessStat[], isMeant: (mark: string) => boolean): ProcessStat[] {
  return table.filter(({ pid }) => {
    if (pid === process.pid) return false;
    const mark = markIn(pid);
    return mark !== undefined && isMeant(mark);
  });
}

/** The mark of a process; only the same user and root can see it. */
function markIn(pid: number): string | undefined {
  let environment: string;
  try {
    environment = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
  } catch {
    return undefined;
  }
  const start = environment.indexOf(`\0${MARKER}=`);
  if (start < 0) return undefined;
  const end = environment.indexOf('\0', start + 1);
  return environment.slice(start + MARKER.length + 2, end < 0 ? undefined : end);
}

function askToEnd(processes: readonly ProcessStat[]): void {
  for (const { pid } of processes) {
    signalOne(pid, 'SIGTERM');
    // A stopped process would sit on its TERM.
    signalOne(pid, 'SIGCONT');
  }
}

async function gone(processes: readonly ProcessStat[], deadline: number): Promise<void> {
  while (processes.some(isAlive) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function isAlive({ pid, startTime }: ProcessStat): boolean {
  return isSameProcess(pid, startTime);
}

function unique(processes: readonly ProcessStat[]): ProcessStat[] {
  return [...new Map(processes.map((stat) => [stat.pid, stat])).values()];
}
