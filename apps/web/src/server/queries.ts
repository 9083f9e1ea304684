import type { ModelInfo, Task } from '@shadow/protocol';
import { ShadowError } from '@shadow/protocol';
import { QueryClient, queryOptions } from '@tanstack/react-query';
import { api } from './clients.ts';

/** The page's cache of answers. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && error instanceof ShadowError && error.retryable,
    },
  },
});

/** Who is signed in. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => api.getMe({ signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

/** The newest tasks; kept up to date by the socket (see live-tasks.ts). */
export const tasksQuery = queryOptions({
  queryKey: ['tasks'],
  queryFn: async ({ signal }) => (await api.listTasks({ query: { limit: 200 }, signal })).tasks,
  staleTime: Number.POSITIVE_INFINITY,
});

/** One task, taken from the list while its own answer is on the way. */
export function taskQuery(taskId: string) {
  return queryOptions<Task>({
    queryKey: ['task', taskId],
    queryFn: ({ signal }) => api.getTask({ params: { taskId }, signal }),
    placeholderData: () => knownTask(taskId),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

function knownTask(taskId: string): Task | undefined {
  return queryClient.getQueryData(tasksQuery.queryKey)?.find(({ id }) => id === taskId);
}

/** Models with the default one. */
export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: ({ signal }) => api.listModels({ signal }),
});

/** Settings of the model providers. */
export const providersQuery = queryOptions({
  queryKey: ['providers'],
  queryFn: async ({ signal }) => (await api.listProviders({ signal })).providers,
});

/** The sample and recently used repositories. */
export const repositoriesQuery = queryOptions({
  queryKey: ['repositories'],
  queryFn: async ({ signal }) => (await api.listRepositories({ signal })).repositories,
});

/** Branches of a repository. */
export function branchesQuery(repository: string) {
  return queryOptions({
    queryKey: ['branches', repository],
    queryFn: ({ signal }) => api.listBranches({ query: { repository }, signal }),
    staleTime: 60_000,
    retry: false,
  });
}

/** API keys of the signed-in user. */
export const apiKeysQuery = queryOptions({
  queryKey: ['api-keys'],
  queryFn: async ({ signal }) => (await api.listApiKeys({ signal })).apiKeys,
});

/** Turns of a task with tokens and cost. */
export function executionsQuery(taskId: string) {
  return queryOptions({
    queryKey: ['executions', taskId],
    queryFn: async ({ signal }) => (await api.listExecutions({ params: { taskId }, signal })).executions,
  });
}

/** What a task changed against its base. */
export function diffQuery(taskId: string) {
  return queryOptions({
    queryKey: ['diff', taskId],
    queryFn: ({ signal }) => api.getDiff({ params: { taskId }, query: { contextLines: 3 }, signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** The scripted model of the demo needs no key; it is what a first run has. */
export function isDemoModel(model: Pick<ModelInfo, 'provider'>): boolean {
  return model.provider === 'scripted';
}

/** Puts a task's newest summary where the screens read it. */
export function putTask(task: Task): void {
  queryClient.setQueryData(['task', task.id], task);
  queryClient.setQueryData(tasksQuery.queryKey, (tasks) => {
    if (tasks === undefined) return tasks;
    const others = tasks.filter(({ id }) => id !== task.id);
    if (task.status === 'archived') return others;
    return [...others, task].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  });
}

/** Forgets a task that is no more. */
export function dropTask(taskId: string): void {
  queryClient.removeQueries({ queryKey: ['task', taskId] });
  queryClient.setQueryData(tasksQuery.queryKey, (tasks) => tasks?.filter(({ id }) => id !== taskId));
}
