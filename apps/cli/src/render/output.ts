import { stripVTControlCharacters } from 'node:util';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
const CODES: Record<Style, [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Standard output and error, with colours only where a person looks at them. */
export class Output {
  readonly #isColoured: boolean;
  #atLineStart = true;

  /** @param options `onClosed` is told when nobody reads standard output any more */
  constructor(options: { noColor: boolean; onClosed: () => void }) {
    this.#isColoured = process.stdout.isTTY === true && !options.noColor;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      options.onClosed();
    });
  }

  /** Text as it streams in. */
  write(text: string): void {
    if (text === '') return;
    process.stdout.write(text);
    this.#atLineStart = text.endsWith('\n');
  }

  /** A line of its own. */
  line(text: string): void {
    this.write(`${this.#atLineStart ? '' : '\n'}${text}\n`);
  }

  json(value: unknown): void {
    process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Something to know that is no result; goes to standard error. */
  note(text: string): void {
    if (!this.#atLineStart && process.stdout.isTTY) this.write('\n');
    process.stderr.write(`${text}\n`);
  }

  error(message: string): void {
    this.note(`shadow: ${message}`);
  }

  readonly style = (style: Style, text: string): string => {
    if (!this.#isColoured) return text;
    const [open, close] = CODES[style];
    return `\u001b[${open}m${text}\u001b[${close}m`;
  };
}

/** Text of an agent, a repository or a server without what would steer the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n\t]/gu, '');
}

/** The same on a single line. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}
