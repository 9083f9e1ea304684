export * from './call.ts';
export * from './files.ts';
export * from './git.ts';
export * from './process.ts';
export * from './search.ts';
