import { ShadowError } from '@shadow/protocol';
import { CommanderError } from 'commander';
import { readConfig } from './config.ts';
import { EXIT } from './exit-codes.ts';
import { Interrupt } from './interrupt.ts';
import { createProgram } from './program.ts';
import { Output } from './render/output.ts';

/** What the program is given from outside. */
export interface CliOptions {
  /** Path of the server's program. */
  serverEntry: string;
  environment: NodeJS.ProcessEnv;
}

/**
 * Runs the command line.
 *
 * @param args arguments without the program's own name
 * @returns the exit code; 1 for wrong arguments too, as commander has it
 */
export async function runCli(args: readonly string[], options: CliOptions): Promise<number> {
  const config = readConfig(options.environment);
  const interrupt = new Interrupt();
  const output = new Output({ noColor: config.noColor, onClosed: () => interrupt.request() });
  let code: number = EXIT.done;
  const program = createProgram(
    { config, serverEntry: options.serverEntry, output, interrupt },
    (exitCode) => {
      code = exitCode;
    },
  );
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // commander has said its piece already, be it help or a complaint.
    if (error instanceof CommanderError) return error.exitCode;
    if (interrupt.signal.aborted) return EXIT.stopped;
    output.error(messageOf(error));
    return EXIT.failed;
  } finally {
    interrupt.dispose();
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ShadowError) {
    const hint = HINTS[error.code];
    return hint === undefined ? error.message : `${error.message}\n${hint}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** What to do next, where the message of the server cannot know that it is read in a terminal. */
const HINTS: Partial<Record<ShadowError['code'], string>> = {
  UNAUTHENTICATED: 'Check SHADOW_API_KEY, or restart the server to renew the key in SHADOW_HOME.',
  PROVIDER_NOT_CONFIGURED: 'Set a key such as ANTHROPIC_API_KEY, or see "shadow doctor".',
};
