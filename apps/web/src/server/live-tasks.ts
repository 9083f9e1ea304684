import type { ConnectionState } from '@shadow/client';
import { useEffect, useSyncExternalStore } from 'react';
import { realtime } from './clients.ts';
import { dropTask, putTask, queryClient, tasksQuery } from './queries.ts';

/** State of the page's socket. */
export function useConnectionState(): ConnectionState {
  const client = realtime();
  return useSyncExternalStore(
    (changed) => client.onStateChange(changed),
    () => client.state,
  );
}

/** Keeps the task list as the server tells it; what changed while there was no connection is fetched afterwards. */
export function useLiveTasks(): void {
  useEffect(() => {
    const client = realtime();
    let wasConnected = client.state === 'connected';
    const ends = [
      client.onTaskChanged(putTask),
      client.onTaskDeleted(dropTask),
      client.onStateChange((state) => {
        if (state !== 'connected') return;
        if (wasConnected) {
          void queryClient.invalidateQueries({ queryKey: tasksQuery.queryKey });
          void queryClient.invalidateQueries({ queryKey: ['task'] });
        }
        wasConnected = true;
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, []);
}
