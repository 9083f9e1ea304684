import { TodoItem } from '@shadow/protocol';
import * as z from 'zod';
import { defineTool } from './tool.ts';

/** Replaces the todo list that the person sees beside the chat. */
export const todoWrite = defineTool({
  name: 'todoWrite',
  kind: 'internal',
  description: `Write the todo list of this task; the person sees it beside the chat. Each call replaces the whole list.

- Use it for work of three or more steps. Skip it for a single small change or a question.
- Keep exactly one item in-progress while you work, and mark it completed as soon as it is done, not in batches at the end.
- Items are short and concrete: "Fix rounding in parseDuration", not "Improve code".
- Mark an item completed only when it truly is: tests that should pass do pass.`,
  inputSchema: z.object({
    items: z
      .array(
        z.object({
          text: TodoItem.shape.text.describe('What is to be done'),
          status: TodoItem.shape.status.describe('pending, in-progress or completed'),
        }),
      )
      .max(100)
      .describe('The whole list, in order'),
  }),
  target: ({ items }) => `${items.filter((item) => item.status === 'completed').length}/${items.length} done`,
  async run({ items }, { emit }) {
    await emit({ type: 'todo', items });
    const done = items.filter((item) => item.status === 'completed').length;
    return { output: 'The todo list is updated.', summary: `${done}/${items.length} done`, isError: false };
  },
});
