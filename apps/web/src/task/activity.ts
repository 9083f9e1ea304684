import type { TaskEvent } from '@shadow/protocol';

const verbs: Record<string, string> = {
  readFile: 'Reading',
  listDirectory: 'Listing',
  searchFiles: 'Finding',
  grepSearch: 'Searching for',
  codebaseSearch: 'Searching for',
  searchReplace: 'Editing',
  writeFile: 'Writing',
  deleteFile: 'Deleting',
  moveFile: 'Moving',
  executeCommand: 'Running',
  readOutput: 'Reading output of',
};

/** What a tool call does, as a sentence for the task's row: "Running npm test". */
function sentenceOfCall(tool: string, target: string): string {
  if (tool === 'todoWrite') return 'Planning';
  const verb = verbs[tool];
  return verb === undefined ? `${tool} ${target}` : `${verb} ${target}`;
}

/** What an event says the task is doing now; undefined when it says nothing about that. */
export function sentenceOfEvent(event: TaskEvent): string | undefined {
  if (event.type === 'tool-call') return sentenceOfCall(event.tool, event.target);
  if (event.type === 'message-delta') return event.kind === 'text' ? 'Writing' : 'Thinking';
  if (event.type === 'turn-started') return 'Thinking';
  if (event.type === 'init-step' && event.status === 'running') return STEP_TITLE[event.name];
  if (event.type === 'approval-requested') return 'Asks for your approval';
  return undefined;
}

/** Initialization steps for people. */
export const STEP_TITLE: Record<Extract<TaskEvent, { type: 'init-step' }>['name'], string> = {
  PREPARE_WORKSPACE: 'Prepare the workspace',
  CREATE_POD: 'Create the pod',
  WAIT_SIDECAR_READY: 'Wait for the sidecar',
  CLONE_TO_POD: 'Clone the repository',
  SETUP: 'Run the set-up script',
  CLEANUP_POD: 'Remove the pod',
};
