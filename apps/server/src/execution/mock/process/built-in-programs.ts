import { setTimeout as delay } from 'node:timers/promises';
import { ShadowError } from '@shadow/protocol';
import { sortedEntries } from '../tree/nodes.ts';
import { absolutePath, type ProgramContext, type SimulatedProgram } from './program.ts';

/** The programs that every simulated workspace has; the shell itself adds `cd` and `exit`. */
export const BUILT_IN_PROGRAMS: Readonly<Record<string, SimulatedProgram>> = {
  true: async () => 0,
  false: async () => 1,
  echo,
  printf,
  pwd: async (context) => {
    await context.stdout(`${context.cwd}\n`);
    return 0;
  },
  cat,
  ls,
  sleep,
};

async function echo({ args, stdout }: ProgramContext): Promise<number> {
  const isBare = args[0] === '-n';
  await stdout(args.slice(isBare ? 1 : 0).join(' ') + (isBare ? '' : '\n'));
  return 0;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };

/** `%s`, `%d`, `%%` and the usual escapes; the format is used again while arguments are left. */
async function printf({ args, stdout, stderr }: ProgramContext): Promise<number> {
  const [format, ...values] = args;
  if (format === undefined) {
    await stderr('printf: usage: printf format [arguments]\n');
    return 2;
  }
  let text = '';
  do {
    const left = values.length;
    text += format.replace(/%([sd%])|\\([ntr\\])/g, (_whole, type?: string, escaped?: string) => {
      if (escaped !== undefined) return ESCAPES[escaped] ?? '';
      if (type === '%') return '%';
      return values.shift() ?? (type === 'd' ? '0' : '');
    });
    if (values.length === left) break;
  } while (values.length > 0);
  await stdout(text);
  return 0;
}

async function cat(context: ProgramContext): Promise<number> {
  const names = context.args.filter((arg) => arg !== '-');
  if (names.length === 0) {
    for await (const piece of context.stdin) await context.stdout(piece);
    return 0;
  }
  let exitCode = 0;
  for (const name of names) {
    const content = contentOf(context, name);
    if (typeof content === 'string') {
      await context.stderr(`cat: ${name}: ${content}\n`);
      exitCode = 1;
    } else {
      await context.stdout(content);
    }
  }
  return exitCode;
}

/** The bytes of a file, or why there are none. */
function contentOf(context: ProgramContext, name: string): Buffer | string {
  const node = find(context, name);
  if (node === undefined) return 'No such file or directory';
  return node.kind === 'file' ? node.bytes : 'Is a directory';
}

function find(context: ProgramContext, path: string) {
  try {
    return context.tree.resolve(absolutePath(context, path)).node;
  } catch (thrown) {
    if (thrown instanceof ShadowError) return undefined;
    throw thrown;
  }
}

async function ls(context: ProgramContext): Promise<number> {
  const showsHidden = context.args.some((arg) => /^-\w*[aA]/.test(arg));
  const names = context.args.filter((arg) => !arg.startsWith('-'));
  let exitCode = 0;
  for (const name of names.length === 0 ? ['.'] : names) {
    const node = find(context, name);
    if (node === undefined) {
      await context.stderr(`ls: cannot access '${name}': No such file or directory\n`);
      exitCode = 2;
    } else if (node.kind === 'directory') {
      const shown = sortedEntries(node).filter(([entry]) => showsHidden || !entry.startsWith('.'));
      await context.stdout(shown.map(([entry]) => `${entry}\n`).join(''));
    } else {
      await context.stdout(`${name}\n`);
    }
  }
  return exitCode;
}

async function sleep({ args, signal, stderr }: ProgramContext): Promise<number> {
  const seconds = Number(args[0]);
  if (!Number.isFinite(seconds) || seconds < 0) {
    await stderr(`sleep: invalid time interval '${args[0] ?? ''}'\n`);
    return 1;
  }
  await delay(seconds * 1000, undefined, { signal });
  return 0;
}
