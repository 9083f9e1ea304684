import { ShadowError } from '@shadow/protocol/errors';
import { type Beginning, begin } from './begin.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import type { EarlyListener } from './http/early-listener.ts';

/**
 * Reads the settings, and begins what takes other things' time before most of this process is loaded.
 *
 * @throws ConfigError for settings that are missing or not valid
 */
export function prepare(listener: Promise<EarlyListener>): { config: Config; beginning: Beginning } {
  const config = loadConfig();
  return { config, beginning: begin(config, listener) };
}

/** Says what stopped the start: a message for people; of the unexpected also where it came from. */
export function complain(error: unknown): void {
  // What is wrong with the settings a supervisor says itself.
  if (error instanceof ConfigError && process.env.SIDECAR_SUPERVISED === 'true') return;
  process.stderr.write(`sidecar: ${explain(error)}\n`);
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof ShadowError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
