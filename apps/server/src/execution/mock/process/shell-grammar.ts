/** A piece of a word: text, or a variable to be put in its place. */
export type WordPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'variable'; readonly name: string; readonly isQuoted: boolean };
/** `isQuoted`: stays a word even when it comes to nothing. */
export interface Word {
  readonly parts: readonly WordPart[];
  readonly isQuoted: boolean;
}

export interface Redirection {
  readonly descriptor: number;
  readonly operator: '>' | '>>' | '<' | '>&';
  readonly target: Word;
}

export interface SimpleCommand {
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
}

/** Commands joined by `|`, with what joins them to the pipeline before. */
export interface Pipeline {
  readonly joinedBy: ';' | '&&' | '||';
  readonly commands: readonly SimpleCommand[];
}

/** What the simulated shell does not understand. */
export class ShellSyntaxError extends Error {
  override readonly name = 'ShellSyntaxError';
}

type Token =
  | { readonly type: 'word'; readonly word: Word }
  | { readonly type: 'join'; readonly text: ';' | '&&' | '||' | '|' }
  | { readonly type: 'redirection'; readonly descriptor: number; readonly operator: Redirection['operator'] };

/**
 * Parses the subset of a shell's language that simulated workspaces know: words with quotes and variables, `;`, `&&`, `||`,
 * pipes, redirections and comments.
 *
 * @throws ShellSyntaxError for everything else
 */
export function parseShellLine(line: string): Pipeline[] {
  const pipelines: Pipeline[] = [];
  let joinedBy: Pipeline['joinedBy'] = ';';
  let commands: SimpleCommand[] = [];
  let words: Word[] = [];
  let redirections: Redirection[] = [];
  const endCommand = (isNeeded: boolean): void => {
    if (words.length > 0 || redirections.length > 0) commands.push({ words, redirections });
    else if (isNeeded) throw new ShellSyntaxError('a command is missing');
    words = [];
    redirections = [];
  };
  const tokens = new Tokens(line).all();
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token?.type === 'word') words.push(token.word);
    if (token?.type === 'redirection') {
      index += 1;
      const target = tokens[index];
      if (target?.type !== 'word') throw new ShellSyntaxError('a redirection has no target');
      redirections.push({ ...token, target: target.word });
    }
    if (token?.type !== 'join') continue;
    endCommand(token.text !== ';' || commands.length > 0);
    if (token.text === '|') continue;
    if (commands.length > 0) pipelines.push({ joinedBy, commands });
    commands = [];
    joinedBy = token.text;
  }
  endCommand(commands.length > 0 || joinedBy !== ';');
  if (commands.length > 0) pipelines.push({ joinedBy, commands });
  return pipelines;
}

const REDIRECTION = /(\d?)(>>|>&|>|<)(?![<(])/y;
const JOIN = /&&|\|\||[;\n|]/y;
const VARIABLE = /\$(?:\{(\w+|\?)\}|(\w+|\?))/y;
const PLAIN = /[^\s'"\\$`;&|<>(){}#]+|[{}#]/y;

class Tokens {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  all(): Token[] {
    const tokens: Token[] = [];
    for (;;) {
      this.#match(/(?:[ \t\r]|\\\n)+/y);
      this.#match(/#[^\n]*/y);
      if (this.#at >= this.#line.length) return tokens;
      tokens.push(this.#next());
    }
  }

  #next(): Token {
    const redirection = this.#match(REDIRECTION);
    if (redirection !== undefined) return redirectionOf(redirection);
    const join = this.#match(JOIN)?.[0];
    if (join === '&&' || join === '||' || join === '|') return { type: 'join', text: join };
    if (join !== undefined) return { type: 'join', text: ';' };
    return { type: 'word', word: this.#word() };
  }

  #word(): Word {
    const parts: WordPart[] = [];
    let isQuoted = false;
    for (;;) {
      const single = this.#match(/'([^']*)'/y);
      const escaped = single === undefined ? this.#match(/\\([\s\S])/y) : undefined;
      const text = single?.[1] ?? escaped?.[1];
      if (text !== undefined) {
        isQuoted = true;
        parts.push({ type: 'text', text });
      } else if (this.#match(/"/y) !== undefined) {
        isQuoted = true;
        parts.push(...this.#doubleQuoted());
      } else {
        const part = this.#variable(false) ?? this.#text(PLAIN);
        if (part === undefined) break;
        parts.push(part);
      }
    }
    if (parts.length === 0 && !isQuoted) {
      throw new ShellSyntaxError(`near ${JSON.stringify(this.#line.slice(this.#at, this.#at + 20))}`);
    }
    return { parts, isQuoted };
  }

  #doubleQuoted(): WordPart[] {
    const parts: WordPart[] = [];
    while (this.#match(/"/y) === undefined) {
      const escaped = this.#match(/\\(["\\$`])/y)?.[1];
      const part: WordPart | undefined =
        escaped === undefined
          ? (this.#variable(true) ?? this.#text(/[^"\\$`]+|\\|\$(?![({])/y))
          : { type: 'text', text: escaped };
      if (part === undefined)
        throw new ShellSyntaxError('a quotation is not closed, or holds more than variables');
      parts.push(part);
    }
    return parts;
  }

  #variable(isQuoted: boolean): WordPart | undefined {
    const match = this.#match(VARIABLE);
    return match === undefined ? undefined : { type: 'variable', name: match[1] ?? match[2] ?? '', isQuoted };
  }

  #text(pattern: RegExp): WordPart | undefined {
    const text = this.#match(pattern)?.[0];
    return text === undefined ? undefined : { type: 'text', text };
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#line);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }
}

function redirectionOf([, digit, operator]: RegExpExecArray): Token {
  const kind = operator === '>>' || operator === '>&' || operator === '<' ? operator : '>';
  const descriptor = digit === '' || digit === undefined ? (kind === '<' ? 0 : 1) : Number(digit);
  return { type: 'redirection', descriptor, operator: kind };
}
