import type { Task } from '@shadow/protocol';
import { useEffect } from 'react';
import { create } from 'zustand';
import { realtime } from '../server/clients.ts';
import { sentenceOfEvent } from '../task/activity.ts';

/** Running tasks that are listened to at once; a list shows little more. */
const FOLLOWED = 12;

const useSentences = create<Record<string, string>>()(() => ({}));

/** What a running task does at this moment, when anything has been heard of it. */
export function useSentence(taskId: string): string | undefined {
  return useSentences((sentences) => sentences[taskId]);
}

/** Listens to the running tasks from now on, for the live sentence of their rows. */
export function useLiveSentences(tasks: readonly Task[]): void {
  const running = tasks
    .filter(({ status }) => status === 'running' || status === 'initializing')
    .slice(0, FOLLOWED)
    .map(({ id }) => id)
    .join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: only which tasks run matters, not their every change
  useEffect(() => {
    if (running === '') return;
    const ends = running.split(' ').map((taskId) =>
      realtime().followTask(taskId, {
        afterSeq: tasks.find(({ id }) => id === taskId)?.lastSeq ?? 0,
        onEvents: (events) => {
          const sentence = events.reduceRight<string | undefined>(
            (known, event) => known ?? sentenceOfEvent(event),
            undefined,
          );
          if (sentence !== undefined) useSentences.setState({ [taskId]: sentence });
        },
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  }, [running]);
}
