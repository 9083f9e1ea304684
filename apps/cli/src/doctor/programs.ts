import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CheckResult } from './check.ts';

const execute = promisify(execFile);

/** Milliseconds that a program has to say its version. */
const TIMEOUT_MS = 10_000;
/** Oldest git that is tried: that of Debian 11. */
const GIT_MINIMUM = [2, 30] as const;
const NOBODY = 65_534;
/** What bubblewrap has to be able to do. */
const TRIAL = ['--ro-bind', '/', '/', '--unshare-pid', '--proc', '/proc', '/bin/true'];

/** Whose rights a program runs with; those of this process where it is empty. */
interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** git and its version. */
export async function checkGit(environment: NodeJS.ProcessEnv): Promise<CheckResult> {
  const answer = await outputOf('git', ['--version'], environment);
  const mend = 'Install it: "apt-get install git", "dnf install git" or "brew install git".';
  if (answer === undefined) return { level: 'missing', text: 'git is not installed', mend };
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(answer) ?? [];
  const isOld =
    Number(major) < GIT_MINIMUM[0] || (Number(major) === GIT_MINIMUM[0] && Number(minor) < GIT_MINIMUM[1]);
  const text = answer.trim();
  if (!isOld) return { level: 'ok', text };
  return {
    level: 'warning',
    text: `${text} is older than ${GIT_MINIMUM.join('.')}, the oldest that is tried`,
    mend,
  };
}

/** As root, agents' commands and the database run without root's rights, which takes user namespaces. */
export async function checkUserNamespaces(environment: NodeJS.ProcessEnv): Promise<CheckResult | null> {
  if (process.getuid?.() !== 0) return null;
  const args = ['--user', '--map-user=65534', '--map-group=65534', 'true'];
  if ((await outputOf('unshare', args, environment)) !== undefined) {
    return { level: 'ok', text: 'user namespaces work (needed because you are root)' };
  }
  return {
    level: 'warning',
    text: 'user namespaces are refused, and you are root',
    mend: 'Run Shadow as an ordinary user, or from a directory under /var/lib with SHADOW_HOME there too.',
  };
}

/** What agents' commands can do in local mode: with bubblewrap they see their workspace and the system alone. */
export async function checkBubblewrap(environment: NodeJS.ProcessEnv): Promise<CheckResult> {
  const setting = environment.COMMAND_ISOLATION?.trim() || 'auto';
  if (setting === 'none') return { level: 'ok', text: 'commands are not isolated (COMMAND_ISOLATION=none)' };
  const version = (await outputOf('bwrap', ['--version'], environment))?.trim();
  const tried =
    version === undefined ? undefined : await outputOf('bwrap', TRIAL, environment, agentOf(environment));
  if (tried !== undefined) return { level: 'ok', text: `${version} isolates commands` };
  const why = version === undefined ? 'is not installed' : 'is installed, but user namespaces are refused';
  const mend =
    'Install it ("apt-get install bubblewrap", "dnf install bubblewrap") and allow user namespaces.';
  if (setting === 'auto') {
    const text = `bubblewrap ${why}: commands have the rights of their user (optional)`;
    return { level: 'ok', text };
  }
  return { level: 'missing', text: `bubblewrap ${why}, and COMMAND_ISOLATION=${setting} needs it`, mend };
}

/** As whom commands run: root hands them to another user. */
function agentOf({ AGENT_UID, AGENT_GID }: NodeJS.ProcessEnv): Identity {
  if (process.getuid?.() !== 0) return {};
  return { uid: Number(AGENT_UID || NOBODY), gid: Number(AGENT_GID || NOBODY) };
}

/** What a program prints; undefined when it is missing or fails. */
async function outputOf(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  identity: Identity = {},
): Promise<string | undefined> {
  try {
    return (await execute(program, args, { env, timeout: TIMEOUT_MS, cwd: '/', ...identity })).stdout;
  } catch {
    return undefined;
  }
}
