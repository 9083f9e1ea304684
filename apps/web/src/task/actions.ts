import { ShadowError } from '@shadow/protocol';
import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { api } from '../server/clients.ts';
import { putTask } from '../server/queries.ts';

/** What a person can do with a task as a whole. Failures are told in the server's words. */
export function useTaskActions(taskId: string) {
  const params = { taskId };
  const stop = useMutation({
    mutationFn: () => api.stopTask({ params }),
    onSuccess: putTask,
    onError: (error) => tell('Could not stop the task', error),
  });
  const retry = useMutation({
    mutationFn: () => api.retryTask({ params }),
    onSuccess: putTask,
    onError: (error) => tell('Could not try again', error),
  });
  const goOnWithBudget = useMutation({
    mutationFn: async (budgetUsd: number) => {
      await api.updateTask({ params, body: { budgetUsd } });
      return api.retryTask({ params });
    },
    onSuccess: putTask,
    onError: (error) => tell('Could not go on', error),
  });
  return { stop, retry, goOnWithBudget };
}

/** Shows a failure in passing. */
export function tell(what: string, error: unknown): void {
  toast.error(what, { description: error instanceof ShadowError ? error.message : String(error) });
}
