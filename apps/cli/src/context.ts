import type { CliConfig } from './config.ts';
import type { Interrupt } from './interrupt.ts';
import type { Output } from './render/output.ts';

/** What every command is given. */
export interface CliContext {
  readonly config: CliConfig;
  /** The server's program, for when one has to be started. */
  readonly serverEntry: string;
  readonly output: Output;
  readonly interrupt: Interrupt;
}
