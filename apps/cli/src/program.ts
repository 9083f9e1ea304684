import { readFileSync } from 'node:fs';
import { PermissionMode } from '@shadow/protocol';
import { Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { answerApproval } from './commands/approvals.ts';
import { printDiff } from './commands/diff.ts';
import { printLogs } from './commands/logs.ts';
import { runTask } from './commands/run.ts';
import { printSignInUrl } from './commands/sign-in-url.ts';
import { stopTask } from './commands/stop.ts';
import { listTasks } from './commands/tasks.ts';
import type { CliContext } from './context.ts';
import { runDoctor } from './doctor/doctor.ts';

const AFTER_HELP = `
Examples:
  $ shadow run --repo . "Fix the failing test"
  $ shadow run --repo https://example.com/team/app.git --base-branch develop --json "Add a health check"
  $ git diff | shadow run --mode plan -
  $ shadow logs 0190a2b3 --follow

A server that runs on this machine is found by itself; without one, a server is started for the command.
Environment: SHADOW_HOME, SHADOW_URL and SHADOW_API_KEY (a server elsewhere), NO_COLOR.`;

const RUN_HELP = `
Exit codes: 0 done, 1 failed, 2 budget exceeded, 130 stopped.
Ctrl+C stops the task and waits for it; a second Ctrl+C leaves at once.`;

/** Builds the command line. `exit` is told the code when a command ends otherwise than by 0. */
export function createProgram(context: CliContext, exit: (code: number) => void): Command {
  const program = new Command('shadow')
    .description('Background coding agents, from the command line')
    .version(readVersion(), '-V, --version')
    .option('--url <url>', 'server to talk to, its base path included (default: the one on this machine)')
    .option('--api-key <key>', 'API key for it; better given as SHADOW_API_KEY')
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('(see "shadow --help")')
    .exitOverride();
  // Read when a command runs: the options are not known before.
  const contextWithFlags = (): CliContext => {
    const flags = z
      .object({ url: z.string().optional(), apiKey: z.string().optional() })
      .parse(program.opts());
    const { config } = context;
    const merged = { ...config, url: flags.url ?? config.url, apiKey: flags.apiKey ?? config.apiKey };
    return { ...context, config: merged };
  };
  addRun(program, contextWithFlags, exit);
  addTaskCommands(program, contextWithFlags);
  program
    .command('sign-in-url')
    .description('print a URL that signs you in to the web UI, once')
    .action(() => printSignInUrl(contextWithFlags()));
  program
    .command('doctor')
    .description('check what Shadow needs on this machine and say how to mend it')
    .action(async () => exit(await runDoctor(contextWithFlags())));
  return program;
}

function addRun(program: Command, context: () => CliContext, exit: (code: number) => void): void {
  program
    .command('run')
    .description('give an agent a task and watch it work')
    .argument('<prompt>', 'what you want done; "-" reads it from standard input')
    .option('-r, --repo <repository>', 'a path, a git URL, or "sample"', '.')
    .option('-m, --model <provider/model>', 'model to use (default: the first available)')
    .option('-b, --base-branch <branch>', "branch to start from (default: the repository's own)")
    .addOption(
      new Option('--mode <mode>', 'plan: only read; ask: ask before changes; auto: just work').choices(
        PermissionMode.options,
      ),
    )
    .option('--budget <usd>', 'stop before more than this is spent', positiveNumber)
    .option('--cpu <amount>', 'processors that the task may use, such as 500m or 2 (remote mode)')
    .option('--memory <amount>', 'memory that the task may use, such as 512Mi or 4Gi (remote mode)')
    .option('--json', 'print the task and every event as a line of JSON')
    .addHelpText('after', RUN_HELP)
    .action(async (prompt: string, options: unknown) => exit(await runTask(context(), prompt, options)));
}

function addTaskCommands(program: Command, context: () => CliContext): void {
  program
    .command('tasks')
    .description('list tasks, newest first')
    .option('--all', 'archived ones too')
    .option('--json', 'print each task as a line of JSON')
    .action((options: unknown) => listTasks(context(), options));
  program
    .command('logs')
    .description('show what happened in a task')
    .argument('<id>', "the task's id or its beginning")
    .option('-f, --follow', 'go on until the task comes to rest')
    .option('--json', 'print each event as a line of JSON')
    .action((id: string, options: unknown) => printLogs(context(), id, options));
  program
    .command('diff')
    .description('print what a task changed, as a unified diff')
    .argument('<id>', "the task's id or its beginning")
    .action((id: string) => printDiff(context(), id));
  program
    .command('stop')
    .description('stop a task; what it did is kept')
    .argument('<id>', "the task's id or its beginning")
    .action((id: string) => stopTask(context(), id));
  for (const decision of ['allow', 'deny'] as const) {
    program
      .command(decision === 'allow' ? 'approve' : 'deny')
      .description(`${decision} what a task asks for; it then goes on`)
      .argument('<id>', "the task's id or its beginning")
      .option('--note <text>', 'something to tell the agent')
      .option('--for-task', 'answer all such questions of this task')
      .action((id: string, options: unknown) => answerApproval(context(), id, decision, options));
  }
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
