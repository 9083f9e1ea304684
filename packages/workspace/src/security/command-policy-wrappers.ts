import type { ShellCommand, ShellWord } from './command-policy-shell.ts';

/** What a command that runs another one was found to run. */
export type Unwrapped =
  /** Not such a command. */
  | { kind: 'plain' }
  /** Runs this argument vector; further arguments may be added at run time (`xargs`). */
  | { kind: 'command'; words: ShellWord[] }
  /** Runs this text as a shell line. */
  | { kind: 'line'; line: string }
  /** Runs something that cannot be told. */
  | { kind: 'unknown'; what: string };

const UNKNOWN_ARGUMENT: ShellWord = { text: null, source: '…', isRisky: false };

interface WrapperSpec {
  /** Options that take the next word. */
  valued?: string;
  /** Options that stand alone, as one string of letters. */
  flags?: string;
  /** Long options that are harmless; those that end in `=` take a value. */
  long?: readonly string[];
  /** Words between the options and the command. */
  positional?: number;
  /** `NAME=value` words come before the command. */
  assignments?: boolean;
  /** The command gets arguments that only run time knows. */
  adds?: boolean;
}

/** Commands whose remaining words are a command, with the options we know how to step over. */
const WRAPPERS: Readonly<Record<string, WrapperSpec>> = {
  env: { flags: 'i0v', valued: 'uC', long: ['ignore-environment', 'unset=', 'chdir='], assignments: true },
  command: { flags: 'p' },
  builtin: {},
  exec: { flags: 'cl', valued: 'a' },
  nohup: {},
  nice: { valued: 'n', long: ['adjustment='] },
  ionice: { valued: 'cnp', flags: 't' },
  time: { flags: 'p' },
  timeout: {
    valued: 'sk',
    flags: 'v',
    long: ['signal=', 'kill-after=', 'preserve-status', 'foreground'],
    positional: 1,
  },
  stdbuf: { valued: 'ioe', long: ['input=', 'output=', 'error='] },
  setsid: { flags: 'cfw', long: ['ctty', 'fork', 'wait'] },
  chrt: { flags: 'bfior', positional: 1 },
  taskset: { flags: 'c', positional: 1 },
  xargs: {
    flags: '0rtpx',
    valued: 'nLPIdsEa',
    long: ['null', 'no-run-if-empty', 'verbose', 'max-args=', 'max-procs=', 'delimiter=', 'arg-file='],
    adds: true,
  },
  busybox: {},
  toybox: {},
  catchsegv: {},
  linux64: {},
  linux32: {},
  setarch: { flags: 'R', positional: 1 },
  faketime: { positional: 1 },
  'xvfb-run': { flags: 'a', valued: 'ns' },
  dotenv: { valued: 'e' },
  'cross-env': { assignments: true },
  corepack: {},
};

export const SHELLS: ReadonlySet<string> = new Set([
  'sh',
  'bash',
  'dash',
  'zsh',
  'ksh',
  'mksh',
  'ash',
  'rbash',
  'fish',
  'csh',
  'tcsh',
]);

/** Name of a command without its directory; null when it is not known. */
export function commandName(words: readonly ShellWord[]): string | null {
  const text = words[0]?.text ?? null;
  return text === null ? null : text.slice(text.lastIndexOf('/') + 1);
}

/** Finds what a command runs, if it is one that runs others. */
export function unwrap(command: ShellCommand): Unwrapped[] {
  const name = commandName(command.words);
  if (name === null) return [{ kind: 'plain' }];
  if (SHELLS.has(name)) return [shellInput(name, command)];
  if (name === 'eval') return [evaluated(command.words.slice(1))];
  if (name === 'trap' || name === 'alias') return [quotedLine(name, command.words)];
  if (name === 'find') return findActions(command.words);
  if (name === 'watch' || name === 'parallel' || name === 'script' || name === 'flock') {
    return [{ kind: 'unknown', what: `what ${name} runs` }];
  }
  const spec = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  return [spec === undefined ? { kind: 'plain' } : wrapped(name, spec, command.words)];
}

function wrapped(name: string, spec: WrapperSpec, words: readonly ShellWord[]): Unwrapped {
  let index = 1;
  for (; index < words.length; index += 1) {
    const text = words[index]?.text ?? null;
    if (text === null) return { kind: 'unknown', what: `an argument of ${name}` };
    if (text === '--') {
      index += 1;
      break;
    }
    if (spec.assignments === true && /^[A-Za-z_]\w*=/.test(text)) continue;
    if (!text.startsWith('-') || text === '-') break;
    const step = optionWords(spec, text);
    if (step === undefined) return { kind: 'unknown', what: `the option ${text} of ${name}` };
    index += step - 1;
  }
  if (spec.assignments === true) {
    while (/^[A-Za-z_]\w*=/.test(words[index]?.text ?? '')) index += 1;
  }
  const inner = words.slice(index + (spec.positional ?? 0));
  if (inner.length === 0) return { kind: 'plain' };
  return { kind: 'command', words: spec.adds === true ? [...inner, UNKNOWN_ARGUMENT] : inner };
}

/** How many words an option takes; undefined when it is not one we know. */
function optionWords({ flags = '', valued = '', long = [] }: WrapperSpec, text: string): number | undefined {
  if (text.startsWith('--')) {
    const name = text.slice(2).split('=')[0] ?? '';
    if (long.includes(name)) return 1;
    if (long.includes(`${name}=`)) return text.includes('=') ? 1 : 2;
    return undefined;
  }
  for (let index = 1; index < text.length; index += 1) {
    const letter = text[index] ?? '';
    if (valued.includes(letter)) return index === text.length - 1 ? 2 : 1;
    // `nice -5`
    if (!flags.includes(letter) && !/\d/.test(letter)) return undefined;
  }
  return 1;
}

function shellInput(name: string, { words, redirects, pipedFrom }: ShellCommand): Unwrapped {
  for (let index = 1; index < words.length; index += 1) {
    const text = words[index]?.text ?? null;
    if (text === null) return { kind: 'unknown', what: `an argument of ${name}` };
    if (/^-[a-zA-Z]*c[a-zA-Z]*$/.test(text)) return lineOf(words[index + 1], name);
    if (text === '-s' || text === '-' || text === '--') break;
    if (/^[-+][oO]$/.test(text)) index += 1;
    else if (/^--(rcfile|init-file)/.test(text)) return { kind: 'unknown', what: `what ${name} reads first` };
    else if (!/^[-+]/.test(text)) return { kind: 'unknown', what: `the script ${text}` };
  }
  const here = redirects.findLast(({ operator }) => operator.startsWith('<'));
  if (here !== undefined) {
    if (here.operator === '<<<') return lineOf(here.target, name);
    if (here.hereText !== undefined) return lineOf(here.hereText, name);
    return { kind: 'unknown', what: `what ${name} reads from ${here.target.source}` };
  }
  if (words.some(({ text }) => text === '--version' || text === '--help')) return { kind: 'plain' };
  return {
    kind: 'unknown',
    what: pipedFrom === undefined ? `what ${name} reads` : `what is piped into ${name}`,
  };
}

function lineOf(word: ShellWord | undefined, name: string): Unwrapped {
  if (word === undefined || word.text === null) return { kind: 'unknown', what: `the line given to ${name}` };
  return { kind: 'line', line: word.text };
}

function evaluated(words: readonly ShellWord[]): Unwrapped {
  const texts = words.map(({ text }) => text);
  if (texts.some((text) => text === null)) return { kind: 'unknown', what: 'what eval is given' };
  return { kind: 'line', line: texts.join(' ') };
}

function quotedLine(name: string, words: readonly ShellWord[]): Unwrapped {
  const word = words.slice(1).find(({ text }) => text === null || !text.startsWith('-'));
  if (word === undefined) return { kind: 'plain' };
  if (word.text === null) return { kind: 'unknown', what: `what ${name} is given` };
  return { kind: 'line', line: name === 'alias' ? word.text.replace(/^[^=]*=/, '') : word.text };
}

const FIND_RUNS: ReadonlySet<string> = new Set(['-exec', '-execdir', '-ok', '-okdir']);

function findActions(words: readonly ShellWord[]): Unwrapped[] {
  const found: Unwrapped[] = [{ kind: 'plain' }];
  for (const [index, { text }] of words.entries()) {
    if (text === null || !FIND_RUNS.has(text)) continue;
    const rest = words.slice(index + 1);
    const end = rest.findIndex(
      (word, at) => word.text === ';' || (word.text === '+' && rest[at - 1]?.text === '{}'),
    );
    const inner = rest.slice(0, end === -1 ? rest.length : end);
    // `{}` becomes file names, inside a longer word too.
    found.push({
      kind: 'command',
      words: inner.map((word) => (word.text?.includes('{}') ? { ...word, text: null } : word)),
    });
  }
  return found;
}
