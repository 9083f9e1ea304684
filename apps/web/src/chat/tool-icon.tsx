import {
  FilePen,
  FilePlus,
  FileText,
  FileX,
  FolderTree,
  ListTodo,
  type LucideIcon,
  ScrollText,
  Search,
  SquareTerminal,
  Wrench,
} from 'lucide-react';

const icons: Record<string, LucideIcon> = {
  readFile: FileText,
  listDirectory: FolderTree,
  searchFiles: Search,
  grepSearch: Search,
  codebaseSearch: Search,
  searchReplace: FilePen,
  writeFile: FilePlus,
  deleteFile: FileX,
  executeCommand: SquareTerminal,
  readOutput: ScrollText,
  todoWrite: ListTodo,
};

/** A tool as a small picture. */
export function ToolIcon({ tool }: { tool: string }) {
  const Icon = icons[tool] ?? Wrench;
  return <Icon className="size-3.5 shrink-0 text-ink-3" aria-hidden />;
}

/** A tool's name as a verb, for people and screen readers. */
export const TOOL_VERB: Record<string, string> = {
  readFile: 'Read',
  listDirectory: 'List',
  searchFiles: 'Find',
  grepSearch: 'Search',
  codebaseSearch: 'Search',
  searchReplace: 'Edit',
  writeFile: 'Write',
  deleteFile: 'Delete',
  executeCommand: 'Run',
  readOutput: 'Output',
  todoWrite: 'Plan',
};
