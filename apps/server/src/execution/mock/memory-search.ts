import {
  CodebaseSearchRequest,
  GrepSearchRequest,
  type GrepSearchResult,
  SearchFilesRequest,
  type SearchFilesResult,
  type SearchOperations,
  ShadowError,
} from '@shadow/protocol';
import {
  DEFAULT_GREP_LIMIT,
  fileError,
  globOf,
  MatchCollector,
  operation,
  selectNames,
} from '@shadow/workspace/semantics';
import { chosenBy, globMatcher } from './globs.ts';
import { rulesDownTo } from './tree/ignored.ts';
import { errno, type MemoryTree } from './tree/memory-tree.ts';
import type { MemoryFile } from './tree/nodes.ts';
import { walk } from './tree/walk.ts';

/** Search in a tree in memory: names as the engine ranks them, contents by JavaScript's regular expressions. */
export function createMemorySearch(tree: MemoryTree): SearchOperations {
  return {
    searchFiles: (request, options) =>
      operation(SearchFilesRequest, request, options, async (parsed) => findFiles(tree, parsed)),
    grepSearch: (request, options) =>
      operation(GrepSearchRequest, request, options, async (parsed) => grep(tree, parsed)),
    codebaseSearch: (request, options) =>
      operation(CodebaseSearchRequest, request, options, async () => {
        throw new ShadowError(
          'UNSUPPORTED',
          'A simulated workspace has no index of its code. Use grepSearch.',
        );
      }),
  };
}

interface FoundFile {
  /** From the root. */
  readonly path: string;
  /** From the place that is searched. */
  readonly below: string;
  readonly file: MemoryFile;
}

function findFiles(tree: MemoryTree, request: SearchFilesRequest): SearchFilesResult {
  const { node, shown } = tree.resolve(request.path ?? '.');
  if (node?.kind === 'file') {
    throw new ShadowError('NOT_A_DIRECTORY', `${shown} is a file, not a directory to search in.`);
  }
  const { files, prefix } = filesAt(tree, request.path);
  const glob = globOf(request.query);
  const matches = glob === undefined ? () => true : globMatcher(glob);
  const paths = files.filter(({ below }) => matches(below)).map(({ path }) => path);
  return selectNames(request, paths, prefix);
}

function grep(tree: MemoryTree, request: GrepSearchRequest): GrepSearchResult {
  const { files, prefix } = filesAt(tree, request.path);
  const isChosen = chosenBy(request.globs ?? []);
  const collector = new MatchCollector(
    { prefix: '' },
    request.limit ?? DEFAULT_GREP_LIMIT,
    request.contextLines ?? 0,
  );
  const pattern = patternOf(request);
  for (const { path, below, file } of files) {
    if (prefix !== path && !isChosen(below)) continue;
    if (file.bytes.includes(0)) continue;
    collectMatches(collector, path, file.bytes.toString('utf8'), pattern, request.multiline === true);
    if (collector.full) break;
  }
  return collector.result();
}

/** The files that git does not ignore at a place; a file is all there is at its own. */
function filesAt(tree: MemoryTree, path: string | undefined): { files: FoundFile[]; prefix: string } {
  const { node, relative, shown } = tree.resolve(path ?? '.');
  if (node === undefined) throw fileError(errno('ENOENT'), shown);
  if (node.kind === 'file')
    return { files: [{ path: relative, below: relative, file: node }], prefix: relative };
  if (node.kind !== 'directory') throw fileError(errno('ELOOP'), shown);
  const prefix = relative === '' ? '' : `${relative}/`;
  const entries = [...walk(node, relative, { rules: rulesDownTo(tree.root, relative) })];
  const files = entries.flatMap(({ path: at, node: file }) =>
    file.kind === 'file' ? [{ path: at, below: at.slice(prefix.length), file }] : [],
  );
  return { files, prefix };
}

function patternOf(request: GrepSearchRequest): RegExp {
  const source = request.literal === true ? escaped(request.pattern) : request.pattern;
  const flags = `gmd${request.caseSensitive === false ? 'i' : ''}${request.multiline === true ? 's' : ''}`;
  try {
    return new RegExp(source, `${flags}u`);
  } catch (unicodeError) {
    try {
      return new RegExp(source, flags);
    } catch {
      const reason = unicodeError instanceof Error ? unicodeError.message : String(unicodeError);
      throw new ShadowError('PATTERN_INVALID', `The pattern is not valid. ${reason}`, {
        details: { reason },
      });
    }
  }
}

function collectMatches(
  collector: MatchCollector,
  path: string,
  text: string,
  pattern: RegExp,
  multiline: boolean,
): void {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const event = (type: 'match' | 'context', index: number, whole: string, column?: number): void =>
    collector.take({
      type,
      data: {
        path: { text: path },
        lines: { text: whole },
        line_number: index + 1,
        ...(column === undefined ? {} : { submatches: [{ start: column, end: column }] }),
      },
    });
  const found = multiline ? spanningMatches(lines, pattern) : lineMatches(lines, pattern);
  for (const [index, line] of lines.entries()) {
    const match = found.get(index);
    if (match === undefined) event('context', index, `${line}\n`);
    else event('match', index, `${match.text}\n`, match.column);
  }
}

type Found = Map<number, { text: string; column: number }>;

function lineMatches(lines: readonly string[], pattern: RegExp): Found {
  const found: Found = new Map();
  for (const [index, line] of lines.entries()) {
    pattern.lastIndex = 0;
    const match = pattern.exec(line.replace(/\r$/, ''));
    if (match !== null)
      found.set(index, { text: line, column: Buffer.byteLength(line.slice(0, match.index)) });
  }
  return found;
}

function spanningMatches(lines: readonly string[], pattern: RegExp): Found {
  const found: Found = new Map();
  const text = lines.join('\n');
  for (const match of text.matchAll(pattern)) {
    const first = text.slice(0, match.index).split('\n').length - 1;
    const last = first + match[0].split('\n').length - 1;
    const start = text.lastIndexOf('\n', match.index - 1) + 1;
    const column = Buffer.byteLength(text.slice(match.index === 0 ? 0 : start, match.index));
    if (!found.has(first)) found.set(first, { text: lines.slice(first, last + 1).join('\n'), column });
  }
  return found;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
