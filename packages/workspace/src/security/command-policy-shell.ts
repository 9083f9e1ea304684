// Importers in other packages must find the declaration too.
/// <reference path="./command-policy-mvdan-sh.d.ts" />
import { createRequire } from 'node:module';
import type sh from 'mvdan-sh';
import { literal, unescapeAnsi } from './command-policy-quoting.ts';

/** Longer lines are not parsed at all. */
export const MAX_LINE_BYTES = 65_536;

/** A word of the shell, as far as it can be known without running anything. */
export interface ShellWord {
  /** The word as the command gets it; null when it depends on something (variable, substitution, glob, brace list). */
  text: string | null;
  /** As written. */
  source: string;
  /** Its expansion may itself run code (`${x@P}`, an arithmetic subscript). */
  isRisky: boolean;
}

export interface ShellRedirect {
  /** As written: `>`, `>>`, `<<<` … */
  operator: string;
  target: ShellWord;
  /** The text of a here-document. */
  hereText: ShellWord | undefined;
}

/** One simple command, wherever in the line it stands. */
export interface ShellCommand {
  words: ShellWord[];
  assignments: { name: string; value: string | null }[];
  redirects: ShellRedirect[];
  /** Reads the output of the command before it in a pipe. */
  pipedFrom: ShellCommand | undefined;
}

/** Everything that a line can run, as far as its grammar shows. */
export interface ParsedLine {
  commands: ShellCommand[];
  /** Functions that the line defines, with the commands of their bodies. */
  functions: Map<string, ShellCommand[]>;
  /** Constructs that evaluate text as arithmetic, which can hide substitutions. */
  hasArithmetic: boolean;
}

/** The line is not shell, or nested beyond reason. */
export class ShellSyntaxError extends Error {
  override readonly name = 'ShellSyntaxError';
  readonly isTooDeep: boolean;

  constructor(message: string, isTooDeep: boolean) {
    super(message);
    this.isTooDeep = isTooDeep;
  }
}

type Node = sh.Node;

let loaded: typeof sh.syntax | undefined;

/** The parser: two megabytes that are read when a line is first parsed, since most processes with this package parse none. */
function parser(): typeof sh.syntax {
  if (loaded === undefined) {
    const required: typeof sh = createRequire(import.meta.url)('mvdan-sh');
    loaded = required.syntax;
  }
  return loaded;
}

/**
 * Parses a line of bash and collects every command in it, those in substitutions, here-documents and functions included.
 *
 * @throws ShellSyntaxError when it cannot be parsed
 */
export function parseShellLine(line: string): ParsedLine {
  // The parser takes some of them for blanks, bash for letters.
  if (holdsControl(line)) throw new ShellSyntaxError('it holds a control character', false);
  const collector = new Collector(line);
  collector.visit(parse(line), undefined);
  // Said only now: an error must not be thrown through the compiled walk.
  if (collector.isTooLong) throw new ShellSyntaxError('it has too many words', true);
  return collector;
}

function holdsControl(line: string): boolean {
  for (let index = 0; index < line.length; index += 1) {
    const code = line.charCodeAt(index);
    if (code === 0x7f || (code < 0x20 && code !== 0x09 && code !== 0x0a)) return true;
  }
  return false;
}

function parse(line: string): Node {
  try {
    return parser().NewParser().Parse(line, '');
  } catch (error) {
    // The parser is compiled from Go: its own errors are objects with an Error method, an exhausted stack is a RangeError.
    const message = isGoError(error) ? error.Error() : 'it is nested too deeply';
    throw new ShellSyntaxError(message, !isGoError(error));
  }
}

function isGoError(error: unknown): error is { Error(): string } {
  return typeof error === 'object' && error !== null && 'Error' in error && typeof error.Error === 'function';
}

/** Each costs a look; no honest line has so many. */
const MAX_WORDS = 5000;

/** Walks the tree once; offsets of the parser are bytes of UTF-8. */
class Collector implements ParsedLine {
  readonly commands: ShellCommand[] = [];
  readonly functions = new Map<string, ShellCommand[]>();
  hasArithmetic = false;
  readonly #bytes: Buffer;
  #wordCount = 0;

  constructor(line: string) {
    this.#bytes = Buffer.from(line, 'utf8');
  }

  get isTooLong(): boolean {
    return this.#wordCount > MAX_WORDS;
  }

  visit(root: Node, pipedFrom: ShellCommand | undefined): void {
    parser().Walk(root, (node) => {
      if (node === null || node === root) return true;
      switch (parser().NodeType(node)) {
        case 'Stmt':
          this.#statement(node, pipedFrom);
          return false;
        case 'ArithmCmd':
        case 'LetClause':
          this.hasArithmetic = true;
          return true;
        case 'BinaryTest':
        case 'UnaryTest':
          // `-eq` and `-v` evaluate their operands, subscripts with substitutions included.
          this.hasArithmetic ||= /\s-(eq|ne|lt|le|gt|ge|v|R)\s/.test(` ${this.#text(node)} `);
          return true;
        default:
          return true;
      }
    });
  }

  #statement(statement: Node, pipedFrom: ShellCommand | undefined): void {
    const command = statement.Cmd ?? null;
    const type = command === null ? 'none' : parser().NodeType(command);
    const redirects = (statement.Redirs ?? []).map((redirect) => this.#redirect(redirect));
    if (command !== null && type === 'BinaryCmd') this.#binary(command);
    else if (command !== null && type === 'FuncDecl') this.#function(command);
    else if (command !== null && type !== 'CallExpr' && type !== 'DeclClause') {
      this.#block(command, type, pipedFrom, redirects);
      return;
    } else {
      this.#simple(command, type, pipedFrom, redirects);
      return;
    }
    this.#bareRedirects(redirects, pipedFrom);
  }

  #simple(
    command: Node | null,
    type: string,
    pipedFrom: ShellCommand | undefined,
    redirects: ShellRedirect[],
  ): void {
    const isDeclaration = type === 'DeclClause';
    const assigns = (isDeclaration ? command?.Args : command?.Assigns) ?? [];
    const words = (isDeclaration ? [] : (command?.Args ?? [])).map((word) => this.#word(word));
    const keyword = command?.Variant?.Value;
    if (isDeclaration && keyword !== undefined)
      words.push({ text: keyword, source: keyword, isRisky: false });
    this.commands.push({
      words,
      redirects,
      pipedFrom,
      assignments: assigns.flatMap((assign) => {
        const name = assign.Name?.Value;
        const value = assign.Value ? this.#word(assign.Value).text : assign.Array ? null : '';
        return name === undefined ? [] : [{ name, value }];
      }),
    });
    this.#insideWords(isDeclaration ? [] : (command?.Args ?? []));
    this.#insideWords(assigns);
  }

  /** Substitutions in words; most words are plain, and stepping into those would cost more than the rest. */
  #insideWords(nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (/[$`(]/.test(this.#text(node))) this.visit(node, undefined);
    }
  }

  /** Loops, subshells and the like: what they read or write, their commands do. */
  #block(command: Node, type: string, pipedFrom: ShellCommand | undefined, redirects: ShellRedirect[]): void {
    if (type === 'ArithmCmd' || type === 'LetClause') this.hasArithmetic = true;
    const input = redirects.filter(({ operator }) => operator.startsWith('<'));
    const first = this.commands.length;
    this.visit(command, pipedFrom);
    for (const inner of this.commands.slice(first)) inner.redirects.push(...input);
    this.#bareRedirects(redirects, pipedFrom);
  }

  #bareRedirects(redirects: ShellRedirect[], pipedFrom: ShellCommand | undefined): void {
    if (redirects.length > 0) this.commands.push({ words: [], assignments: [], redirects, pipedFrom });
  }

  #binary(command: Node): void {
    const operator = this.#bytes.subarray(command.OpPos?.Offset() ?? 0).toString('utf8');
    const isPipe = operator.startsWith('|') && !operator.startsWith('||');
    if (command.X) this.#statement(command.X, undefined);
    const last = this.commands.at(-1);
    if (command.Y) this.#statement(command.Y, isPipe ? last : undefined);
  }

  #function(command: Node): void {
    const first = this.commands.length;
    if (command.Body) this.#statement(command.Body, undefined);
    this.functions.set(command.Name?.Value ?? '', this.commands.slice(first));
  }

  #redirect(redirect: Node): ShellRedirect {
    const rest = this.#bytes.subarray(redirect.OpPos?.Offset() ?? 0, (redirect.OpPos?.Offset() ?? 0) + 3);
    const operator = /^(<<<|<<-|&>>|<<|<>|<&|>>|>&|>\||&>|<|>)/.exec(rest.toString('latin1'))?.[0] ?? '>';
    const here = redirect.Hdoc ?? null;
    if (here !== null) this.visit(here, undefined);
    if (redirect.Word) this.visit(redirect.Word, undefined);
    const quoted = redirect.Word ? /['"\\]/.test(this.#text(redirect.Word)) : false;
    return {
      operator,
      target: redirect.Word ? this.#word(redirect.Word) : { text: null, source: '', isRisky: false },
      hereText: here === null ? undefined : this.#hereText(here, quoted),
    };
  }

  #hereText(here: Node, isQuoted: boolean): ShellWord {
    const source = this.#text(here);
    const isPlain = isQuoted || (here.Parts ?? []).every((part) => parser().NodeType(part) === 'Lit');
    return { text: isPlain ? source : null, source, isRisky: false };
  }

  #word(word: Node): ShellWord {
    this.#wordCount += 1;
    if (this.isTooLong) return { text: null, source: '', isRisky: false };
    const source = this.#text(word);
    const pieces = (word.Parts ?? []).map((part) => this.#part(part, false));
    const isKnown = pieces.every(({ text }) => text !== null);
    const text = isKnown ? pieces.map((piece) => piece.text).join('') : null;
    return { text, source, isRisky: pieces.some(({ isRisky }) => isRisky) };
  }

  #part(part: Node, isQuoted: boolean): { text: string | null; isRisky: boolean } {
    switch (parser().NodeType(part)) {
      case 'Lit':
        return { text: literal(part.Value?.toString() ?? '', isQuoted), isRisky: false };
      case 'SglQuoted': {
        const value = part.Value?.toString() ?? '';
        return { text: part.Dollar ? unescapeAnsi(value) : value, isRisky: false };
      }
      case 'DblQuoted': {
        // `$"…"` is looked up in a message catalogue.
        const inner = (part.Parts ?? []).map((child) => this.#part(child, true));
        const isKnown = !part.Dollar && inner.every(({ text }) => text !== null);
        const text = isKnown ? inner.map((piece) => piece.text).join('') : null;
        return { text, isRisky: inner.some(({ isRisky }) => isRisky) };
      }
      case 'ParamExp':
        return { text: null, isRisky: !/^\$(\{\w+\}|\w+|[@*#?$!-])$/.test(this.#text(part)) };
      case 'ArithmExp':
        return { text: null, isRisky: !/^[\d\s+\-*/%()$]*$/.test(this.#text(part)) };
      default:
        return { text: null, isRisky: false };
    }
  }

  #text(node: Node): string {
    return this.#bytes.subarray(node.Pos().Offset(), node.End().Offset()).toString('utf8');
  }
}
