import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Language, Parser } from 'web-tree-sitter';

/** Grammar of each file name extension. */
const GRAMMARS: Readonly<Record<string, string>> = {
  c: 'c',
  cc: 'cpp',
  cjs: 'javascript',
  cpp: 'cpp',
  cs: 'c_sharp',
  cts: 'typescript',
  go: 'go',
  h: 'c',
  hpp: 'cpp',
  java: 'java',
  js: 'javascript',
  jsx: 'javascript',
  kt: 'kotlin',
  lua: 'lua',
  mjs: 'javascript',
  mts: 'typescript',
  php: 'php',
  py: 'python',
  rb: 'ruby',
  rs: 'rust',
  scala: 'scala',
  swift: 'swift',
  ts: 'typescript',
  tsx: 'tsx',
};

/** Parsers by grammar, loaded when first wanted. */
export class Parsers {
  private readonly loading = new Map<string, Promise<Parser | undefined>>();
  private ready: Promise<void> | undefined;

  /**
   * The parser for a file; undefined when its language is not one we know.
   *
   * @param path its extension decides
   */
  forFile(path: string): Promise<Parser | undefined> {
    const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
    const grammar = GRAMMARS[extension];
    if (grammar === undefined) return Promise.resolve(undefined);
    const known = this.loading.get(grammar) ?? this.load(grammar);
    this.loading.set(grammar, known);
    return known;
  }

  private async load(grammar: string): Promise<Parser | undefined> {
    this.ready ??= initialize();
    await this.ready;
    const home = dirname(createRequire(import.meta.url).resolve('tree-sitter-wasms/package.json'));
    const parser = new Parser();
    parser.setLanguage(await Language.load(join(home, 'out', `tree-sitter-${grammar}.wasm`)));
    return parser;
  }
}

/**
 * Loads the parser and leaves grammars to V8's baseline compiler. The optimizing one takes 1.3 GB for the lexer of TypeScript,
 * a single function, as soon as that is hot: measured as the peak of the process. Flags hold for the whole process, which
 * runs no other WebAssembly that matters.
 */
async function initialize(): Promise<void> {
  // The parser itself is compiled whole, before: it is small and may become faster.
  setFlagsFromString('--no-wasm-lazy-compilation');
  await Parser.init();
  setFlagsFromString('--wasm-lazy-compilation');
  // Without the second one the first has everything optimized at once.
  setFlagsFromString('--no-wasm-dynamic-tiering');
  setFlagsFromString('--no-wasm-tier-up');
}
