import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { CliContext } from '../context.ts';
import type { CheckResult } from './check.ts';

/** Milliseconds for all checks of a cluster together. */
const TIMEOUT_MS = 60_000;

const Check = z.object({
  level: z.enum(['ok', 'warning', 'missing']),
  text: z.string(),
  mend: z.string().optional(),
});

/** The Kubernetes cluster: looked at closely, by the server's own program, where AGENT_MODE=remote wants it. */
export async function checkCluster({ config, serverEntry }: CliContext): Promise<CheckResult[]> {
  const { environment } = config;
  if (environment.AGENT_MODE?.trim() !== 'remote') return [await mention(environment)];
  const program = join(dirname(serverEntry), 'execution', 'remote', 'doctor', 'main.ts');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program], {
      env: environment,
      timeout: TIMEOUT_MS,
    });
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [parseCheck(line)]));
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const mend = 'Look at the settings of remote mode in docs/configuration.md.';
    return [{ level: 'missing', text: `Kubernetes could not be checked: ${words}`, mend }];
  }
}

function parseCheck(line: string): CheckResult {
  const { level, text, mend } = Check.parse(JSON.parse(line));
  return mend === undefined ? { level, text } : { level, text, mend };
}

async function mention(environment: NodeJS.ProcessEnv): Promise<CheckResult> {
  const file = environment.KUBECONFIG || join(environment.HOME || homedir(), '.kube', 'config');
  const found = await access(file, constants.R_OK).then(
    () => `${file} is there`,
    () => 'not configured',
  );
  return { level: 'ok', text: `Kubernetes: ${found} (optional, for AGENT_MODE=remote)` };
}
