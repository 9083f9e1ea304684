import type { Maintenance, TaskStatus, WorkspaceStatus } from '@shadow/db';
import { expect, it } from 'vitest';
import {
  type CleanUpPolicy,
  chooseForArchive,
  chooseForSuspend,
  lastUse,
} from '../../src/tasks/clean-up-policy.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const OFF: CleanUpPolicy = {
  idleMs: 60_000,
  maxAgeMs: null,
  quota: null,
  states: ['READY_FOR_REVIEW', 'STOPPED', 'FAILED', 'INTERRUPTED'],
};

/** A task whose last turn ended so many milliseconds ago. */
function task(
  name: string,
  idleMs: number,
  status: TaskStatus = 'READY_FOR_REVIEW',
  maintenance: Maintenance | null = null,
) {
  const at = new Date(NOW - idleMs);
  return {
    name,
    status,
    maintenance,
    createdAt: new Date(0),
    executions: [{ queuedAt: new Date(0), finishedAt: at }],
    workspace: workspace('READY'),
  };
}

function workspace(status: WorkspaceStatus) {
  return {
    id: 'id',
    taskId: 'task',
    userId: 'user',
    mode: 'remote',
    status,
    path: null,
    podName: null,
    branch: null,
    baseCommit: null,
    cleanupAt: null,
    createdAt: new Date(0),
    updatedAt: new Date(0),
  };
}

const names = (tasks: { name: string }[]) => tasks.map(({ name }) => name);
const archived = (tasks: ReturnType<typeof task>[], count: number, policy: Partial<CleanUpPolicy>) =>
  chooseForArchive(tasks, count, { ...OFF, ...policy }, NOW).map(({ task: { name } }) => name);

it('archives nothing unless it is told to', () => {
  expect(archived([task('old', 1e12)], 1000, {})).toEqual([]);
});

it('archives by age what may be archived', () => {
  const tasks = [
    task('fresh', 1000),
    task('old', 20_000),
    task('running', 20_000, 'RUNNING'),
    task('failed', 20_000, 'FAILED'),
    task('going', 20_000, 'STOPPED', 'DELETE'),
  ];
  expect(archived(tasks, 5, { maxAgeMs: 10_000, states: ['READY_FOR_REVIEW', 'STOPPED'] })).toEqual(['old']);
});

it('archives those unused longest beyond the quota, counting what may not go', () => {
  const tasks = [task('b', 2000), task('a', 3000), task('c', 1000), task('running', 9000, 'RUNNING')];
  expect(archived(tasks, 4, { quota: 2 })).toEqual(['a', 'b']);
  expect(archived(tasks, 4, { quota: 4 })).toEqual([]);
  expect(archived(tasks, 4, { quota: 1 })).toEqual(['a', 'b', 'c']);
});

it('suspends what waits for a person and is awake', () => {
  const asleep = { ...task('asleep', 1e6), workspace: workspace('SUSPENDED') };
  const tasks = [
    task('fresh', 1000),
    task('idle', 61_000),
    task('asked', 61_000, 'AWAITING_APPROVAL'),
    task('busy', 61_000, 'RUNNING'),
    asleep,
  ];
  expect(names(chooseForSuspend(tasks, OFF, NOW))).toEqual(['idle', 'asked']);
});

it('counts from the end of the last turn, or from when it was queued, or the task was made', () => {
  const [createdAt, queuedAt, finishedAt] = [1, 2, 3].map((ms) => new Date(ms)) as [Date, Date, Date];
  expect(lastUse({ createdAt, executions: [{ queuedAt, finishedAt }] })).toBe(3);
  expect(lastUse({ createdAt, executions: [{ queuedAt, finishedAt: null }] })).toBe(2);
  expect(lastUse({ createdAt, executions: [] })).toBe(1);
});
