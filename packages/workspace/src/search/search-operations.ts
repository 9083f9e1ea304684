import { GrepSearchRequest, SearchFilesRequest, type SearchOperations } from '@shadow/protocol';
import type { WorkspaceContext } from '../context.ts';
import { operation } from '../operation.ts';
import type { Confinement } from '../security/paths.ts';
import { findFiles } from './file-names.ts';
import { grep } from './grep.ts';
import type { SearchScope } from './search-place.ts';

/**
 * Search operations on one workspace.
 *
 * @param context the workspace
 * @param confinement its path confinement
 */
export function createSearchOperations(
  context: WorkspaceContext,
  confinement: Confinement,
): Pick<SearchOperations, 'searchFiles' | 'grepSearch'> {
  const { root, runAs, environment } = context;
  const scope: SearchScope = { root, confinement, runAs, environment };
  return {
    searchFiles: (request, options) =>
      operation(SearchFilesRequest, request, options, (parsed, signal) => findFiles(scope, parsed, signal)),
    grepSearch: (request, options) =>
      operation(GrepSearchRequest, request, options, (parsed, signal) => grep(scope, parsed, signal)),
  };
}
