import { emptyTaskView, type FollowState, reduceEvents, type TaskView } from '@shadow/client';
import type { ShadowError, TaskEvent } from '@shadow/protocol';
import { useSyncExternalStore } from 'react';
import { realtime } from './clients.ts';

/** A task as its events tell it, and how fresh that is. */
export interface FollowedTask {
  readonly view: TaskView;
  readonly state: FollowState;
  /** Why following ended for good, such as a task that is not there. */
  readonly error: ShadowError | null;
}

interface TaskStore {
  subscribe(listener: () => void): () => void;
  snapshot(): FollowedTask;
}

/** Tasks kept in memory after they are left, so that coming back shows them at once. */
const KEPT = 8;
const stores = new Map<string, TaskStore>();

/** Follows a task while the calling component is shown. */
export function useTaskView(taskId: string): FollowedTask {
  const store = storeOf(taskId);
  return useSyncExternalStore(store.subscribe, store.snapshot);
}

function storeOf(taskId: string): TaskStore {
  const known = stores.get(taskId);
  const store = known ?? createTaskStore(taskId);
  stores.delete(taskId);
  stores.set(taskId, store);
  const oldest = stores.keys().next().value;
  if (stores.size > KEPT && oldest !== undefined) stores.delete(oldest);
  return store;
}

function createTaskStore(taskId: string): TaskStore {
  let current: FollowedTask = { view: emptyTaskView(), state: 'catching-up', error: null };
  const listeners = new Set<() => void>();
  let pending: TaskEvent[] = [];
  let frame: number | undefined;
  let unfollow: (() => void) | undefined;

  const put = (next: Partial<FollowedTask>) => {
    current = { ...current, ...next };
    for (const listener of listeners) listener();
  };
  // Events of one frame are drawn together; a hidden page gets no frames and is drawn when it is seen again.
  const flush = () => {
    frame = undefined;
    const events = pending;
    pending = [];
    put({ view: reduceEvents(current.view, events) });
  };
  const follow = () => {
    unfollow = realtime().followTask(taskId, {
      afterSeq: current.view.lastSeq,
      onEvents: (events) => {
        pending.push(...events);
        frame ??= requestAnimationFrame(flush);
      },
      onState: (state) => put({ state }),
      onError: (error) => put({ error }),
    });
  };
  const leave = () => {
    unfollow?.();
    if (frame === undefined) return;
    cancelAnimationFrame(frame);
    flush();
  };

  return {
    subscribe: (listener) => {
      listeners.add(listener);
      if (listeners.size === 1) follow();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) leave();
      };
    },
    snapshot: () => current,
  };
}
