import { posix } from 'node:path';
import type { ShellCommand, ShellRedirect, ShellWord } from './command-policy-shell.ts';
import { commandName, SHELLS } from './command-policy-wrappers.ts';

/** What a command's arguments make of it, beyond its name. */
export interface Hazard {
  decision: 'ask' | 'deny';
  reason: string;
}

const SYSTEM_DIRECTORIES = [
  '/etc',
  '/boot',
  '/sys',
  '/proc',
  '/dev',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
];
const HARMLESS_DEVICES = /^\/dev\/(null|zero|full|tty|stdin|stdout|stderr|ptmx|fd\/\d+|pts\/\d+|shm\/.+)$/;
/** Their recursive removal takes a system or a home with it. */
const PRECIOUS =
  /^(\/|\/\*|~|~\/|~\/\*|\/(bin|boot|dev|etc|home|lib|lib64|opt|proc|root|sbin|srv|sys|usr|var)(\/\*)?)$/;
const INTERPRETERS = /^(python[\d.]*|node|nodejs|perl|ruby|php|deno|bun|lua|osascript|pwsh)$/;
const FETCHERS = new Set(['curl', 'wget', 'fetch', 'http', 'https', 'aria2c']);

/** Finds what is dangerous about a command whatever rules name it; the worst first. */
export function findHazards(command: ShellCommand): Hazard[] {
  const name = commandName(command.words);
  const found = [
    ...command.redirects.map(redirectHazard),
    name === null ? undefined : argumentHazard(name, command.words),
    name === null ? undefined : pipeHazard(name, command),
  ].filter((hazard) => hazard !== undefined);
  return found.sort((a, b) => Number(b.decision === 'deny') - Number(a.decision === 'deny'));
}

function redirectHazard({ operator, target }: ShellRedirect): Hazard | undefined {
  if (!operator.includes('>')) return undefined;
  if (target.text === null) return undefined;
  return isSystemPath(target.text) ? deny(`it writes to ${target.text}`) : undefined;
}

function argumentHazard(name: string, words: readonly ShellWord[]): Hazard | undefined {
  const args = words.slice(1);
  switch (name) {
    case 'rm':
    case 'chmod':
    case 'chown':
    case 'chgrp':
      return recursiveHazard(name, args) ?? systemTarget(name, args);
    case 'dd':
      return ddHazard(args);
    case 'kill':
      return args.some(({ text }, index) => text === '-1' && index > 0)
        ? deny('it signals every process')
        : undefined;
    case 'tee':
    case 'truncate':
    case 'shred':
    case 'touch':
    case 'mkdir':
    case 'rmdir':
    case 'unlink':
      return systemTarget(name, args);
    case 'cp':
    case 'mv':
    case 'ln':
    case 'install':
    case 'rsync':
      return systemTarget(name, name === 'mv' ? args : args.slice(-1));
    case 'sed':
    case 'perl':
      return args.some(({ text }) => /^-[a-zA-Z]*i/.test(text ?? '')) ? systemTarget(name, args) : undefined;
    case 'git':
      return gitHazard(args);
    case 'docker':
    case 'podman':
      return containerHazard(args);
    case 'find':
      return findHazard(args);
    default:
      return undefined;
  }
}

function recursiveHazard(name: string, args: readonly ShellWord[]): Hazard | undefined {
  const isRecursive = args.some(({ text }) =>
    /^(-[a-zA-Z]*[rR]|--recursive$|--no-preserve-root$)/.test(text ?? ''),
  );
  if (!isRecursive) return undefined;
  const target = args.find(({ text, source }) =>
    PRECIOUS.test(normalise(text ?? source.replace(/["']/g, ''))),
  );
  const home = args.find(({ source }) => /^"?\$(HOME|\{HOME\})\/?"?(\/?\*)?$/.test(source));
  const culprit = target ?? home;
  return culprit === undefined ? undefined : deny(`${name} would go through all of ${culprit.source}`);
}

function systemTarget(name: string, args: readonly ShellWord[]): Hazard | undefined {
  const target = args.find(({ text }) => text !== null && isSystemPath(text));
  return target === undefined ? undefined : deny(`${name} would change ${target.source}`);
}

function ddHazard(args: readonly ShellWord[]): Hazard | undefined {
  const output = args.find(({ text, source }) => (text ?? source).startsWith('of='));
  if (output === undefined) return undefined;
  if (output.text === null) return { decision: 'ask', reason: 'dd writes to a place that cannot be told' };
  return isSystemPath(output.text.slice(3)) ? deny(`dd would write to ${output.text.slice(3)}`) : undefined;
}

function gitHazard(args: readonly ShellWord[]): Hazard | undefined {
  const texts = args.map(({ text }) => text ?? '');
  const isForced = texts.some((text) => /^(--force(-with-lease.*)?|-[a-zA-Z]*f[a-zA-Z]*|\+.+)$/.test(text));
  if (texts.includes('push') && isForced) {
    return { decision: 'ask', reason: 'it overwrites history on the remote' };
  }
  return undefined;
}

function containerHazard(args: readonly ShellWord[]): Hazard | undefined {
  const isOpen = args.some(({ text }) =>
    /^(--privileged|--pid=host|--net(work)?=host|(--volume=|-v)?\/(etc|root|home|var\/run\/docker\.sock)?:.*)$/.test(
      text ?? '',
    ),
  );
  return isOpen ? { decision: 'ask', reason: 'the container could reach the machine it runs on' } : undefined;
}

function findHazard(args: readonly ShellWord[]): Hazard | undefined {
  const isDeleting = args.some(({ text }) => text === '-delete');
  const start = args.find(({ text }) => text !== null && !text.startsWith('-'));
  if (isDeleting && PRECIOUS.test(normalise(start?.text ?? '.')))
    return deny('find would delete a whole system');
  return systemTargetOfFind(args);
}

function systemTargetOfFind(args: readonly ShellWord[]): Hazard | undefined {
  const index = args.findIndex(({ text }) => /^-(fprint0?|fprintf|fls)$/.test(text ?? ''));
  return index === -1 ? undefined : systemTarget('find', args.slice(index + 1, index + 2));
}

function pipeHazard(name: string, { words, pipedFrom, redirects }: ShellCommand): Hazard | undefined {
  const runsInput = SHELLS.has(name) || (INTERPRETERS.test(name) && words.length === 1);
  const isFed = redirects.some(({ target }) => /\b(curl|wget)\b/.test(target.source));
  const fetcher = fetcherBefore(pipedFrom);
  if (runsInput && (fetcher !== undefined || isFed)) {
    return { decision: 'ask', reason: `it runs what ${fetcher ?? 'a download'} fetches, unseen` };
  }
  return undefined;
}

function fetcherBefore(command: ShellCommand | undefined): string | undefined {
  for (let current = command; current !== undefined; current = current.pipedFrom) {
    const name = commandName(current.words);
    if (name !== null && FETCHERS.has(name)) return name;
  }
  return undefined;
}

/** Whether writing there changes the system rather than the work. */
function isSystemPath(path: string): boolean {
  const normal = normalise(path);
  if (HARMLESS_DEVICES.test(normal)) return false;
  if (normal.startsWith('/usr/local/') || normal === '/') return normal === '/';
  return SYSTEM_DIRECTORIES.some((directory) => normal === directory || normal.startsWith(`${directory}/`));
}

function normalise(path: string): string {
  const normal = posix.normalize(path);
  const single = normal.startsWith('//') ? normal.slice(1) : normal;
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single;
}

function deny(reason: string): Hazard {
  return { decision: 'deny', reason };
}
