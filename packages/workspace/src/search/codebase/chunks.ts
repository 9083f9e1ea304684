import type { Node, Parser } from 'web-tree-sitter';

/** A piece of a file that is found as one: a symbol, or some lines between symbols. */
export interface Chunk {
  /** First line, from 1. */
  readonly startLine: number;
  /** Last line, inclusive. */
  readonly endLine: number;
  /** Name of the symbol, with that of what it is in: `Class.method`. */
  readonly symbol?: string;
  /** It says what something looks like, not what happens: an interface or a type. */
  readonly isType?: boolean;
}

/** A symbol longer than this is taken apart into its members, or into windows. */
const MAX_LINES = 60;

const TYPES: ReadonlySet<string> = new Set(['interface_declaration', 'type_alias_declaration', 'type_item']);
const MIN_LOCAL_LINES = 10;
const VARIABLES: ReadonlySet<string> = new Set([
  'lexical_declaration',
  'variable_declaration',
  'expression_statement',
]);

/** Node types of the grammars that stand for a definition with a name. */
const DEFINITIONS: ReadonlySet<string> = new Set(
  `abstract_class_declaration class class_declaration class_definition class_specifier constructor_declaration
  enum_declaration enum_item enum_specifier function_declaration function_definition function_item generator_function_declaration
  impl_item interface_declaration internal_module lexical_declaration macro_definition method method_declaration
  method_definition mod_item module namespace_declaration namespace_definition object_declaration object_definition
  property_declaration protocol_declaration public_field_definition record_declaration singleton_method struct_declaration
  struct_item struct_specifier trait_definition trait_item type_alias_declaration type_declaration type_item
  variable_declaration`.split(/\s+/),
);

/** Nodes that only wrap a definition, or whose children may be definitions. */
const WRAPPERS: ReadonlySet<string> = new Set(
  `block body_statement class_body class_declaration_body compound_statement declaration_list decorated_definition
  enum_body expression_statement export_statement interface_body namespace_body program source_file statement_block
  template_declaration template_body translation_unit compilation_unit field_declaration_list`.split(/\s+/),
);

/**
 * Takes a source file apart into symbols and what is between them; the chunks cover every line once.
 *
 * @param parser of the file's language; without one the file is cut into windows
 * @param text the file's text
 */
export function chunksOf(parser: Parser | undefined, text: string): Chunk[] {
  const lines = text.split('\n');
  const lineCount = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (lineCount === 0) return [];
  const tree = parser?.parse(text);
  if (tree === undefined || tree === null) return windows(1, lineCount, undefined, headings(lines));
  try {
    const found: Chunk[] = [];
    collect(tree.rootNode, undefined, lines, found);
    return cover(found, 1, lineCount, undefined);
  } finally {
    tree.delete();
  }
}

function collect(node: Node, container: string | undefined, lines: readonly string[], found: Chunk[]): void {
  for (const child of node.namedChildren) {
    if (child === null) continue;
    const name = isLocalDetail(child, container) ? undefined : nameOf(child);
    if (name !== undefined)
      addSymbol(child, container === undefined ? name : `${container}.${name}`, lines, found);
    else if (WRAPPERS.has(child.type)) collect(child, container, lines, found);
  }
}

/** A variable inside something larger is a symbol of its own only when it is long: a function in a variable, say. */
function isLocalDetail(node: Node, container: string | undefined): boolean {
  return (
    container !== undefined &&
    VARIABLES.has(node.type) &&
    node.endPosition.row - node.startPosition.row < MIN_LOCAL_LINES
  );
}

function addSymbol(node: Node, symbol: string, lines: readonly string[], found: Chunk[]): void {
  const startLine = withComment(node.startPosition.row, lines) + 1;
  const endLine = node.endPosition.row + 1;
  if (endLine - startLine < MAX_LINES) {
    found.push({ startLine, endLine, symbol, ...(TYPES.has(node.type) ? { isType: true } : {}) });
    return;
  }
  const members: Chunk[] = [];
  for (const child of node.namedChildren) {
    if (child !== null && (WRAPPERS.has(child.type) || child.type.endsWith('body')))
      collect(child, symbol, lines, members);
  }
  found.push(...cover(members, startLine, endLine, symbol));
}

/** First row of a definition with the comment and the decorators right above it. */
function withComment(row: number, lines: readonly string[]): number {
  let first = row;
  while (first > 0 && /^\s*(?:\/\/|\/?\*|#|@|--)/.test(lines[first - 1] ?? '')) first -= 1;
  return first;
}

function nameOf(node: Node): string | undefined {
  if (node.type === 'expression_statement') return assignedFunction(node);
  if (!DEFINITIONS.has(node.type)) return undefined;
  // The `type` of a Rust impl names it; that of a C function is what it returns.
  const field = node.type === 'impl_item' ? 'type' : 'declarator';
  const named = node.childForFieldName('name') ?? node.childForFieldName(field);
  if (named !== null) return lastIdentifier(named);
  const declarator = node.namedChildren.find(
    (child) => child?.type === 'variable_declarator' || child?.type === 'type_spec',
  );
  const inner = declarator?.childForFieldName('name');
  return inner === null || inner === undefined ? undefined : inner.text.slice(0, 100);
}

/** `exports.parse = function …`: how older JavaScript defines things. */
function assignedFunction(node: Node): string | undefined {
  const expression = node.namedChildren[0];
  if (expression?.type !== 'assignment_expression') return undefined;
  const left = expression.childForFieldName('left');
  const right = expression.childForFieldName('right');
  if (left === null || right === null || !/function|class|object|assignment|call/.test(right.type))
    return undefined;
  return left.text.slice(0, 100);
}

/** A C declarator holds parameters too: its name is the first identifier in it. */
function lastIdentifier(node: Node): string {
  const inner = node.childForFieldName('declarator');
  return inner === null ? (node.text.split(/[\s(<]/)[0]?.slice(0, 100) ?? '') : lastIdentifier(inner);
}

/** Fills the lines between chunks with windows, so that nothing of the file is left out. */
function cover(found: readonly Chunk[], first: number, last: number, symbol: string | undefined): Chunk[] {
  const result: Chunk[] = [];
  let next = first;
  for (const chunk of [...found].sort((a, b) => a.startLine - b.startLine)) {
    if (chunk.endLine < next || chunk.startLine > last) continue;
    const startLine = Math.max(chunk.startLine, next);
    if (startLine > next) result.push(...windows(next, startLine - 1, symbol, []));
    result.push({ ...chunk, startLine });
    next = chunk.endLine + 1;
  }
  if (next <= last) result.push(...windows(next, last, symbol, []));
  return result;
}

/** Cuts lines into pieces of at most MAX_LINES, at headings where there are some. */
function windows(
  first: number,
  last: number,
  symbol: string | undefined,
  breaks: readonly number[],
): Chunk[] {
  const result: Chunk[] = [];
  for (let start = first; start <= last; ) {
    const heading = breaks.find((line) => line > start) ?? Number.POSITIVE_INFINITY;
    const end = Math.min(last, start + MAX_LINES - 1, heading - 1);
    result.push({ startLine: start, endLine: end, ...(symbol === undefined ? {} : { symbol }) });
    start = end + 1;
  }
  return result;
}

/** Lines that begin a section of a Markdown text. */
function headings(lines: readonly string[]): number[] {
  return lines.flatMap((line, index) => (/^#{1,6} \S/.test(line) ? [index + 1] : []));
}
