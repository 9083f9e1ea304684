import {
  CodebaseSearchRequest,
  type FsChange,
  GrepSearchRequest,
  SearchFilesRequest,
  type SearchOperations,
} from '@shadow/protocol';
import type { WorkspaceContext } from '../context.ts';
import { operation } from '../operation.ts';
import type { Confinement } from '../security/paths.ts';
import { CodebaseSearch } from './codebase/codebase-search.ts';
import { findFiles } from './file-names.ts';
import { grep } from './grep.ts';
import type { SearchScope } from './search-place.ts';

/**
 * Search operations on one workspace. Disposing ends the thread that holds the index of the code.
 *
 * @param context the workspace
 * @param confinement its path confinement
 * @param watch changes of the workspace until the signal aborts
 */
export function createSearchOperations(
  context: WorkspaceContext,
  confinement: Confinement,
  watch: (signal: AbortSignal) => AsyncIterable<FsChange>,
): SearchOperations & AsyncDisposable {
  const { root, runAs, environment } = context;
  const scope: SearchScope = { root, confinement, runAs, environment };
  const codebase = new CodebaseSearch({ context, confinement, watch });
  return {
    searchFiles: (request, options) =>
      operation(SearchFilesRequest, request, options, (parsed, signal) => findFiles(scope, parsed, signal)),
    grepSearch: (request, options) =>
      operation(GrepSearchRequest, request, options, (parsed, signal) => grep(scope, parsed, signal)),
    codebaseSearch: (request, options) =>
      operation(CodebaseSearchRequest, request, options, (parsed, signal) => codebase.search(parsed, signal)),
    [Symbol.asyncDispose]: () => codebase[Symbol.asyncDispose](),
  };
}
