import type { TaskEvent } from '@shadow/protocol';

/** One step of a scripted turn, as a `shadow-script` block takes it. */
export interface Step {
  text?: string;
  delayMs?: number;
  calls?: { tool: string; input: unknown }[];
}

/** The model that plays the script of the prompt: no provider is needed for what tests the tools and the tasks. */
export const SCRIPTED = 'scripted/demo';

/** A prompt that makes the scripted agent do exactly these steps. */
export function scriptPrompt(title: string, steps: Step[]): string {
  return `${title}\n\n\`\`\`shadow-script\n${JSON.stringify({ steps })}\n\`\`\`\n`;
}

/** A step that runs one shell command. */
export function command(line: string, options: { isBackground?: boolean } = {}): Step {
  return { calls: [{ tool: 'executeCommand', input: { command: line, ...options } }] };
}

/** A step that writes one file. */
export function write(path: string, content: string): Step {
  return { calls: [{ tool: 'writeFile', input: { path, content } }] };
}

/** Results of a tool's calls, in order. */
export function resultsOf(events: readonly TaskEvent[], tool: string) {
  return events.flatMap((event) => (event.type === 'tool-result' && event.tool === tool ? [event] : []));
}

/** The turns' ends, in order. */
export function endsOf(events: readonly TaskEvent[]) {
  return events.flatMap((event) => (event.type === 'turn-finished' ? [event] : []));
}
