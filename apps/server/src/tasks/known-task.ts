import type { Prisma } from '@shadow/db';

/** What is read with a task to decide about its workspace. */
export const WITH_LAST_TURN = {
  workspace: true,
  executions: { orderBy: { queuedAt: 'desc' }, take: 1, select: { queuedAt: true, finishedAt: true } },
} as const satisfies Prisma.TaskInclude;

/** A task with what a decision about its workspace needs. */
export type KnownTask = Prisma.TaskGetPayload<{ include: typeof WITH_LAST_TURN }>;
