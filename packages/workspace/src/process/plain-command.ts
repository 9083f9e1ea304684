import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { isExecutable } from './executables.ts';

/** Words of a shell line that mean nothing but themselves: no quotes, expansions, globs, redirections or comments. */
const PLAIN_LINE = /^[ \t]*[\w./+@,:-]+(?:[ \t]+[\w./+@,:=%-]+)*[ \t]*$/;

/** What bash does itself where its name is the first word: builtins and reserved words of bash(1), of all versions. */
const OWN_WORDS: ReadonlySet<string> = new Set(
  (
    '. : [ alias bg bind break builtin caller case cd command compgen complete compopt continue coproc declare dirs disown ' +
    'do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if in ' +
    'jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt source ' +
    'suspend test then time times trap true type typeset ulimit umask unalias unset until wait while'
  ).split(' '),
);

/** Variables that bash takes for orders, keeps itself, or hands on as something else than it was given. */
const OWN_VARIABLES =
  /^(?:BASH.*|COMP_.*|PWD|OLDPWD|SHLVL|_|ENV|IFS|SHELLOPTS|POSIXLY_CORRECT|[EP]?P?UID|PPID|GROUPS|RANDOM|SRANDOM|SECONDS|LINENO|EPOCH.*|DIRSTACK|FUNCNAME|HISTCMD|PIPESTATUS|OPT(?:ARG|IND|ERR)|TMOUT|PS4|MAILCHECK|HOSTNAME|(?:MACH|HOST|OS)TYPE)$/;

/** A program that is executed as it is. */
export interface PlainCommand {
  file: string;
  argv0: string;
  args: string[];
  env: Record<string, string>;
}

/**
 * The program that `bash -c` would become without doing anything else on the way, with the environment that it would hand
 * on: then it need not be started first, which takes longer than many commands do.
 *
 * @param shell the shell that would run the line
 * @returns undefined when the shell is another one, or may have something to do or to say
 */
export function plainCommand(
  shell: string,
  { command, cwd, env }: { command: string; cwd: string; env: Readonly<Record<string, string>> },
): PlainCommand | undefined {
  if (basename(shell) !== 'bash' || !PLAIN_LINE.test(command)) return undefined;
  if (Object.keys(env).some((name) => OWN_VARIABLES.test(name))) return undefined;
  const [name = '', ...args] = command.trim().split(/[ \t]+/);
  const path = findProgram(name, cwd, env.PATH);
  if (path === undefined || !isKnownFormat(path)) return undefined;
  // A path is taken as it was written, from the working directory: a script sees it as its name.
  const file = name.includes('/') ? name : path;
  return { file, argv0: name, args, env: { ...env, PWD: cwd, SHLVL: '0', _: file } };
}

function findProgram(name: string, cwd: string, path: string | undefined): string | undefined {
  if (name.includes('/')) return isExecutable(resolve(cwd, name)) ? resolve(cwd, name) : undefined;
  if (OWN_WORDS.has(name) || path === undefined) return undefined;
  for (const place of path.split(':')) {
    // A relative place depends on more than what is known here.
    if (!isAbsolute(place)) return undefined;
    if (isExecutable(join(place, name))) return join(place, name);
  }
  return undefined;
}

/** Whether the system itself can run the file; a script without a first line that names its interpreter is for the shell. */
function isKnownFormat(file: string): boolean {
  let descriptor: number;
  try {
    // A named pipe would hold everything up.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    const start = Buffer.alloc(4);
    if (!fstatSync(descriptor).isFile()) return false;
    const text = start.toString('latin1', 0, readSync(descriptor, start));
    return text === '\x7fELF' || text.startsWith('#!');
  } finally {
    closeSync(descriptor);
  }
}
