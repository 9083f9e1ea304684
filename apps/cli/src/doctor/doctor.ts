import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { CheckResult } from './check.ts';
import { checkCluster } from './cluster.ts';
import { checkBubblewrap, checkGit, checkUserNamespaces } from './programs.ts';
import { checkDisk, checkKeys, checkNode, checkPort } from './surroundings.ts';

const MARKS = { ok: ['green', '✓'], warning: ['yellow', '!'], missing: ['red', '✗'] } as const;

/** `shadow doctor`: a line for each thing that Shadow needs; exit code 1 when something needed is missing. */
export async function runDoctor(context: CliContext): Promise<number> {
  const { config, output } = context;
  const checks = [
    checkNode(),
    checkGit(config.environment),
    checkDisk(config.home),
    checkPort(config.home, config.port),
    checkUserNamespaces(config.environment),
    checkKeys(config.environment),
    checkCluster(context),
    checkBubblewrap(config.environment),
  ];
  let code: number = EXIT.done;
  // Started together, told in order.
  for (const check of checks) {
    const results: readonly (CheckResult | null)[] = [await check].flat();
    for (const result of results) {
      if (result === null) continue;
      const [style, mark] = MARKS[result.level];
      output.line(`${output.style(style, mark)} ${result.text}`);
      if (result.mend !== undefined) output.line(`    ${result.mend}`);
      if (result.level === 'missing') code = EXIT.failed;
    }
  }
  return code;
}
