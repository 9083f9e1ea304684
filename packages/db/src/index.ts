export { DatabaseError, type DatabaseErrorCode } from './errors.ts';
export * from './generated/client.ts';
export type { DatabaseLog } from './log.ts';
export { type MigrateResult, migrate } from './migrations/migrate.ts';
