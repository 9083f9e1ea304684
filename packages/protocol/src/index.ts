export * from './errors.ts';
export * from './operations/index.ts';
