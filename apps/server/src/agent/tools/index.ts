import type { Capabilities } from '../../execution/interfaces/types.ts';
import { codebaseSearch } from './codebase-search.ts';
import { deleteFile } from './delete-file.ts';
import { executeCommand } from './execute-command.ts';
import { grepSearch } from './grep-search.ts';
import { listDirectory } from './list-directory.ts';
import { readFile } from './read-file.ts';
import { readOutput } from './read-output.ts';
import { searchFiles } from './search-files.ts';
import { searchReplace } from './search-replace.ts';
import { todoWrite } from './todo-write.ts';
import type { AnyTool } from './tool.ts';
import { writeFile } from './write-file.ts';

const everywhere: readonly AnyTool[] = [
  readFile,
  listDirectory,
  searchFiles,
  grepSearch,
  searchReplace,
  writeFile,
  deleteFile,
  executeCommand,
  readOutput,
  todoWrite,
];

/**
 * The tools that an executor can carry out, in the order the model sees them.
 * @param capabilities what the executor can do
 */
export function toolsFor(capabilities: Capabilities): readonly AnyTool[] {
  return capabilities.codebaseSearch ? [...everywhere, codebaseSearch] : everywhere;
}
