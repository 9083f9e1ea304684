import { setTimeout as delay } from 'node:timers/promises';
import type { Prisma, PrismaClient } from '@shadow/db';
import type { Replicas } from './replicas.ts';

/** Milliseconds that a person waits for a turn of another server to end; it ends later by itself. */
const WAIT_MS = 15_000;

/**
 * Asks whichever server runs a turn of the task to stop it: in the row, and by word that comes with the commit.
 * @returns the number of turns that run
 */
export async function requestStop(
  transaction: Prisma.TransactionClient,
  replicas: Replicas,
  taskId: string,
): Promise<number> {
  const where = { taskId, status: 'RUNNING' } as const;
  const running = await transaction.agentExecution.findMany({ where, select: { id: true } });
  if (running.length === 0) return 0;
  await transaction.agentExecution.updateMany({ where, data: { stopRequestedAt: new Date() } });
  for (const { id } of running) await replicas.tell({ type: 'stop', executionId: id }, transaction);
  return running.length;
}

/** Waits until a turn that runs on another server has stored its end, or for as long as a person would. */
export async function waitUntilEnded(prisma: PrismaClient, executionId: string): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  for (let pause = 25; Date.now() < deadline; pause = Math.min(pause * 2, 400)) {
    const found = await prisma.agentExecution.findUnique({
      where: { id: executionId },
      select: { status: true },
    });
    if (found?.status !== 'RUNNING') return;
    await delay(pause);
  }
}
