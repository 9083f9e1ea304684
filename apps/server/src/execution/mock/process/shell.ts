import { ShadowError } from '@shadow/protocol';
import type { MemoryTree } from '../tree/memory-tree.ts';
import { newFile } from '../tree/nodes.ts';
import { InputPipe } from './input-pipe.ts';
import { absolutePath, type ProgramContext, type SimulatedProgram } from './program.ts';
import {
  type Pipeline,
  parseShellLine,
  type Redirection,
  ShellSyntaxError,
  type SimpleCommand,
  type Word,
} from './shell-grammar.ts';

type Write = ProgramContext['stdout'];

interface Streams {
  stdin: AsyncIterable<Buffer>;
  stdout: Write;
  stderr: Write;
}

export interface ShellOptions extends Streams {
  tree: MemoryTree;
  cwd: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  programs: ReadonlyMap<string, SimulatedProgram>;
}

class ExitShell extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('exit');
    this.exitCode = exitCode;
  }
}

/** Runs one line in a simulated shell. @returns its exit code */
export async function runShellLine(line: string, options: ShellOptions): Promise<number> {
  try {
    return await new Shell(options).run(parseShellLine(line));
  } catch (thrown) {
    if (thrown instanceof ExitShell) return thrown.exitCode;
    if (!(thrown instanceof ShellSyntaxError)) throw thrown;
    await options.stderr(`shell: this line is beyond the simulated shell: ${thrown.message}\n`);
    return 2;
  }
}

class Shell {
  readonly #options: ShellOptions;
  readonly #variables: Map<string, string>;
  #cwd: string;
  #exitCode = 0;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#variables = new Map(Object.entries(options.env));
    this.#cwd = options.cwd;
  }

  async run(pipelines: readonly Pipeline[]): Promise<number> {
    for (const { joinedBy, commands } of pipelines) {
      if (joinedBy === '&&' && this.#exitCode !== 0) continue;
      if (joinedBy === '||' && this.#exitCode === 0) continue;
      this.#exitCode = await this.#pipeline(commands);
    }
    return this.#exitCode;
  }

  /** One command after the other, each with all that the one before wrote. */
  async #pipeline(commands: readonly SimpleCommand[]): Promise<number> {
    const { stdout, stderr } = this.#options;
    let { stdin } = this.#options;
    let exitCode = 0;
    for (const [index, command] of commands.entries()) {
      this.#options.signal.throwIfAborted();
      const passed: Buffer[] = [];
      const isLast = index === commands.length - 1;
      const out: Write = isLast ? stdout : async (data) => void passed.push(Buffer.from(data));
      exitCode = await this.#command(command, { stdin, stdout: out, stderr });
      stdin = new InputPipe(Buffer.concat(passed));
    }
    return exitCode;
  }

  async #command(command: SimpleCommand, inherited: Streams): Promise<number> {
    const words = command.words.flatMap((word) => this.#expand(word));
    const firstPlain = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
    const assignments = words.slice(0, firstPlain === -1 ? words.length : firstPlain);
    const [name, ...args] = words.slice(assignments.length);
    const files: OpenFile[] = [];
    try {
      const streams = this.#redirect(command.redirections, inherited, files);
      if (name !== undefined) return await this.#start(name, args, assignments, streams);
      for (const [key, value] of assignments.map(assignment)) this.#variables.set(key, value);
      return 0;
    } catch (thrown) {
      if (!(thrown instanceof ShadowError)) throw thrown;
      await inherited.stderr(`shell: ${thrown.message}\n`);
      return 1;
    } finally {
      for (const file of files) file.close();
    }
  }

  async #start(name: string, args: string[], assignments: string[], streams: Streams): Promise<number> {
    if (name === 'exit') throw new ExitShell(args[0] === undefined ? this.#exitCode : Number(args[0]) & 0xff);
    if (name === 'cd') return this.#changeDirectory(args[0] ?? this.#options.tree.rootPath);
    const program = this.#options.programs.get(name);
    if (program === undefined) {
      await streams.stderr(`shell: ${name}: command not found\n`);
      return 127;
    }
    const env = {
      ...Object.fromEntries(this.#variables),
      ...Object.fromEntries(assignments.map(assignment)),
    };
    const { tree, signal } = this.#options;
    return await program({ args, env, cwd: this.#cwd, tree, signal, ...streams });
  }

  #changeDirectory(path: string): number {
    const { tree } = this.#options;
    const { relative } = tree.directory(absolutePath({ cwd: this.#cwd }, path));
    this.#cwd = relative === '' ? tree.rootPath : `${tree.rootPath}/${relative}`;
    return 0;
  }

  #redirect(redirections: readonly Redirection[], inherited: Streams, files: OpenFile[]): Streams {
    const streams = { ...inherited };
    for (const { descriptor, operator, target } of redirections) {
      const name = this.#expand(target).join(' ');
      if (operator === '<') {
        const { node, shown } = this.#options.tree.resolve(absolutePath({ cwd: this.#cwd }, name));
        if (node?.kind !== 'file') throw new ShadowError('FILE_NOT_FOUND', `${shown}: no such file`);
        streams.stdin = new InputPipe(node.bytes);
        continue;
      }
      const write =
        operator === '>&'
          ? name === '2'
            ? streams.stderr
            : streams.stdout
          : this.#open(name, operator, files);
      if (descriptor === 2) streams.stderr = write;
      else streams.stdout = write;
    }
    return streams;
  }

  #open(name: string, operator: '>' | '>>', files: OpenFile[]): Write {
    if (name === '/dev/null') return async () => {};
    const file = new OpenFile(this.#options.tree, absolutePath({ cwd: this.#cwd }, name), operator === '>>');
    files.push(file);
    return async (data) => file.write(data);
  }

  /** The words that a word comes to: variables outside quotes are taken apart at white space. */
  #expand(word: Word): string[] {
    const fields: string[] = [''];
    for (const part of word.parts) {
      const value = part.type === 'text' ? part.text : this.#value(part.name);
      const pieces = part.type === 'variable' && !part.isQuoted ? value.split(/\s+/) : [value];
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) fields.push('');
        fields[fields.length - 1] += piece;
      }
    }
    return word.isQuoted ? fields : fields.filter((field) => field !== '');
  }

  #value(name: string): string {
    if (name === '?') return String(this.#exitCode);
    if (name === 'PWD') return this.#cwd;
    return this.#variables.get(name) ?? '';
  }
}

function assignment(word: string): [string, string] {
  const at = word.indexOf('=');
  return [word.slice(0, at), word.slice(at + 1)];
}

/** A file that a command writes to: there from the start, whole when the command has ended. */
class OpenFile {
  readonly #tree: MemoryTree;
  readonly #path: string;
  readonly #pieces: Buffer[] = [];

  /** @throws ShadowError NOT_A_FILE and those of the path */
  constructor(tree: MemoryTree, path: string, appends: boolean) {
    this.#tree = tree;
    this.#path = path;
    const place = tree.resolve(path, { write: true });
    if (place.node?.kind === 'directory')
      throw new ShadowError('NOT_A_FILE', `${place.shown}: Is a directory`);
    const present = place.node?.kind === 'file' ? place.node : undefined;
    if (present === undefined || !appends) tree.put(place, newFile(Buffer.alloc(0), present?.mode));
  }

  write(data: string | Uint8Array): void {
    this.#pieces.push(Buffer.from(data));
  }

  close(): void {
    const place = this.#tree.resolve(this.#path, { write: true });
    const present = place.node?.kind === 'file' ? place.node : newFile(Buffer.alloc(0));
    this.#tree.put(place, newFile(Buffer.concat([present.bytes, ...this.#pieces]), present.mode));
  }
}
