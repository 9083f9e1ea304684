import type { ApiClient } from '@shadow/client';
import { ShadowError, type Task } from '@shadow/protocol';

const FULL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** All tasks of the user, newest first. */
export async function* allTasks(api: ApiClient, includeArchived: boolean): AsyncGenerator<Task> {
  let cursor: string | undefined;
  do {
    const page = await api.listTasks({
      query: { includeArchived, limit: 200, ...(cursor === undefined ? {} : { cursor }) },
    });
    yield* page.tasks;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/**
 * The task that a person means by an id or the beginning of one.
 *
 * @throws ShadowError TASK_NOT_FOUND when there is none, VALIDATION_FAILED when there are several
 */
export async function findTask(api: ApiClient, idOrPrefix: string): Promise<Task> {
  if (FULL_ID.test(idOrPrefix)) return api.getTask({ params: { taskId: idOrPrefix } });
  const matches: Task[] = [];
  for await (const task of allTasks(api, true)) {
    if (task.id === idOrPrefix) return task;
    if (task.id.startsWith(idOrPrefix)) matches.push(task);
  }
  const [task, ...others] = matches;
  if (task === undefined) {
    throw new ShadowError(
      'TASK_NOT_FOUND',
      `No task's id begins with "${idOrPrefix}"; "shadow tasks" lists them.`,
    );
  }
  if (others.length === 0) return task;
  const ids = matches.slice(0, 5).map(({ id, title }) => `  ${id}  ${title}`);
  throw new ShadowError(
    'VALIDATION_FAILED',
    `"${idOrPrefix}" is the beginning of several ids:\n${ids.join('\n')}`,
  );
}

/** The shortest beginning, of 8 characters at least, that tells each of these ids from the others. */
export function shortIds(ids: readonly string[]): Map<string, string> {
  const sorted = [...ids].sort();
  const shared = (a: string, b = '') => {
    let length = 0;
    while (length < a.length && a[length] === b[length]) length += 1;
    return length;
  };
  return new Map(
    sorted.map((id, index) => {
      const needed = Math.max(shared(id, sorted[index - 1]), shared(id, sorted[index + 1])) + 1;
      return [id, id.slice(0, Math.max(8, needed))];
    }),
  );
}
