export * from './api/client.ts';
export * from './api/types.ts';
export * from './realtime/client.ts';
export * from './realtime/follow.ts';
export * from './view/reduce.ts';
export * from './view/task-view.ts';
export type { Timeline } from './view/timeline.ts';
export * from './view/timeline-items.ts';
