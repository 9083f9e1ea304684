import { matchesRule } from './command-policy-rules.ts';
import type { ShellCommand, ShellRedirect, ShellWord } from './command-policy-shell.ts';
import { SHELLS } from './command-policy-wrappers.ts';

/** Change nothing and run nothing, whatever their arguments are. */
const ANY_ARGUMENTS = new Set(
  (
    ': true false echo pwd ls cat head tail wc basename dirname realpath readlink stat whoami id uname sleep seq cut tr ' +
    'nl tac rev comm cmp paste expand unexpand fold md5sum sha1sum sha256sum sha512sum cksum du df cd grep egrep ' +
    'fgrep od hexdump nproc uptime break continue'
  ).split(' '),
);

/** Harmless but for some options; their arguments must be known. `null` in place of options: none is harmful. */
const CHECKED: Readonly<Record<string, RegExp | null>> = {
  printf: /^-v/,
  test: /^-[vR]$/,
  '[': /^-[vR]$/,
  date: /^(-[a-zA-Z]*s|--set|--s)/,
  sort: /^(-[a-zA-Z]*[oT]|--o|--compress-program|--c|--T|--t)/,
  tree: /^(-o|-[a-zA-Z]*o)/,
  file: /^(-[a-zA-Z]*[Cm]|--compile|--magic)/,
  diff: null,
  jq: null,
  which: null,
  rg: /^(--pre|--hostname-bin|--search-zip|-[a-zA-Z]*z)/,
  // What it executes is judged by itself.
  find: /^-(delete|fprint|fprint0|fprintf|fls|files0-from)$/,
};

/** Subcommands that only look, with the options that make git write or run something. */
const GIT_READS = new Set(
  'status log diff show rev-parse ls-files ls-tree describe shortlog blame merge-base rev-list name-rev'.split(
    ' ',
  ),
);
const GIT_HARMFUL = /^(--ou|--ope|--ext|--textc|-O|--exec|--upl|--cont)/;

/** Set before a command without changing what it runs. */
const HARMLESS_VARIABLES = /^(LANG|LC_[A-Z]+|TZ|NO_COLOR|FORCE_COLOR|CI|COLUMNS|LINES|CLICOLOR)$/;
/** Take code as an argument or as input, so that a bare name in an allow rule says nothing about it. */
const INTERPRETERS =
  /^(python[\d.]*|node|nodejs|perl|ruby|php|deno|bun|lua|awk|gawk|mawk|sed|ed|vim?|ex|emacs|env)$/;
const INLINE_CODE = /^(-[a-zA-Z]*[ceEprnR].*|--eval|--print|--require|--import|--loader|eval|repl|-)$/;

/** Why a command cannot be allowed, or undefined when it can. */
export function whyNotAllowed(command: ShellCommand, rules: readonly string[]): string | undefined {
  const variable = command.assignments.find(({ name }) => !HARMLESS_VARIABLES.test(name));
  if (variable !== undefined) return `setting ${variable.name} can change what runs`;
  const redirect = command.redirects.find((candidate) => !isHarmlessRedirect(candidate));
  if (redirect !== undefined) return `it opens ${redirect.target.source} (${redirect.operator})`;
  if (command.words.some(({ isRisky }) => isRisky)) return 'an expansion in it can run code';
  const words = command.words.map(({ text }) => text);
  if (words.length === 0) return undefined;
  const name = plainName(words[0] ?? null);
  if (name === null) return `the command ${command.words[0]?.source ?? ''} cannot be told`;
  if (ANY_ARGUMENTS.has(name)) return undefined;
  const unknown = command.words.find(({ text }) => text === null);
  if (unknown !== undefined) return `the argument ${unknown.source} of ${name} cannot be told`;
  return isKnownHarmless(name, words.slice(1).map(String)) ? undefined : whyNoRule(name, words, rules);
}

/** A name looked up in PATH or lying in the system's own directories; `./ls` is anybody's. */
function plainName(word: string | null): string | null {
  if (word === null || word === '') return null;
  return /^(?:\/usr)?\/bin\/([^/]+)$/.exec(word)?.[1] ?? word;
}

function isHarmlessRedirect({ operator, target }: ShellRedirect): boolean {
  if (operator.startsWith('<<')) return !target.isRisky;
  if (operator === '<') return target.text !== null && !target.text.startsWith('/dev/');
  if (/^[<>]&$/.test(operator)) return /^(\d+|-)$/.test(target.text ?? '');
  return operator !== '<>' && target.text === '/dev/null';
}

function isKnownHarmless(name: string, args: readonly string[]): boolean {
  if (name === 'git') return isHarmlessGit(args);
  if (name === 'sed') return isPrintingSed(args);
  // Their second operand is a file to write.
  if (name === 'uniq') return args.filter((arg) => !arg.startsWith('-') || arg === '-').length <= 1;
  if (!Object.hasOwn(CHECKED, name)) return false;
  const harmful = CHECKED[name];
  return harmful === null || harmful === undefined || !args.some((arg) => harmful.test(arg));
}

function isHarmlessGit(args: readonly string[]): boolean {
  const rest = args[0] === '--no-pager' ? args.slice(1) : args;
  const [subcommand = '', ...options] = rest;
  if (subcommand === 'branch' || subcommand === 'remote' || subcommand === 'tag') {
    return options.every((option) =>
      /^(-v|-vv|-a|-r|-l|--list|--all|--show-current|--verbose)$/.test(option),
    );
  }
  return GIT_READS.has(subcommand) && !options.some((option) => GIT_HARMFUL.test(option));
}

/** `sed -n 1,50p file`: prints lines and can do nothing else. */
function isPrintingSed(args: readonly string[]): boolean {
  const [quiet, script, ...files] = args;
  if (quiet !== '-n' || !/^(\d+|\$)(,(\d+|\$))?p$/.test(script ?? '')) return false;
  return files.every((file) => !file.startsWith('-'));
}

function whyNoRule(
  name: string,
  words: readonly (string | null)[],
  rules: readonly string[],
): string | undefined {
  const rule = rules.find((candidate) => matchesRule(candidate, words));
  if (rule === undefined) return `no allow rule covers ${name}`;
  const runsCode = SHELLS.has(name) || INTERPRETERS.test(name);
  // A rule that names the program alone means running files with it, not code from the line.
  if (runsCode && !rule.includes(' ') && words.slice(1).some((word) => INLINE_CODE.test(word ?? ''))) {
    return `${name} is given code to run`;
  }
  if (runsCode && words.length === 1) return `${name} runs what it reads`;
  return undefined;
}

/** Whether two words are one command's name. */
export function isCallOf(functions: ReadonlyMap<string, unknown>, words: readonly ShellWord[]): boolean {
  const name = words[0]?.text ?? null;
  return name !== null && functions.has(name);
}
