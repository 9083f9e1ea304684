import type { ShadowError } from '@shadow/protocol';
import type { Logger } from 'pino';

const logged = new WeakSet<ShadowError>();

/**
 * Logs an error that no one is told more of than that the log has the details, once however many it passes.
 * @param about what it happened to
 * @param what fixed words
 */
export function logInternal(log: Logger, error: ShadowError, about: object, what: string): void {
  if (error.code !== 'INTERNAL' || logged.has(error)) return;
  logged.add(error);
  // Only the ShadowError's own fields are written, and stacks: a library's error may hold a request with its token.
  log.error({ ...about, err: error }, what);
}
