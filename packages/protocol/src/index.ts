export * from './api/index.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './messages.ts';
export * from './operations/index.ts';
export * from './realtime.ts';
export * from './sidecar/index.ts';
export * from './tasks.ts';
