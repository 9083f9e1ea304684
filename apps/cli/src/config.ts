import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** What the command line reads of its environment. */
export interface CliConfig {
  /** SHADOW_HOME: where the server keeps everything; default ~/.shadow. */
  readonly home: string;
  /** SHADOW_URL: a server elsewhere, BASE_PATH included. */
  readonly url: string | undefined;
  /** SHADOW_API_KEY: the key for it. */
  readonly apiKey: string | undefined;
  /** NO_COLOR (https://no-color.org): set and not empty means no colours. */
  readonly noColor: boolean;
  /** API_PORT: where `npm start` would listen; 4000 by default. */
  readonly port: number;
  /** Everything else, for the server that is started and for the checks of `shadow doctor`. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Reads the environment once. Empty values count as missing. */
export function readConfig(environment: NodeJS.ProcessEnv): CliConfig {
  return {
    home: resolve(environment.SHADOW_HOME || join(homedir(), '.shadow')),
    url: environment.SHADOW_URL || undefined,
    apiKey: environment.SHADOW_API_KEY || undefined,
    noColor: Boolean(environment.NO_COLOR),
    port: Number(environment.API_PORT || 4000),
    environment,
  };
}
