import type { Approval } from '@shadow/protocol';
import * as z from 'zod';
import { SmallDiff } from '../chat/small-diff.tsx';

const Command = z.object({ command: z.string(), cwd: z.string().optional() });
const Replacement = z.object({ path: z.string(), oldText: z.string(), newText: z.string() });
const NewFile = z.object({ path: z.string(), content: z.string() });
const OnPath = z.object({ path: z.string() });

/** Exactly what would be done: the command or the edit. */
export function ApprovalInput({ approval }: { approval: Approval }) {
  const command = Command.safeParse(approval.input);
  if (approval.tool === 'executeCommand' && command.success) {
    return (
      <pre className="mt-2 max-h-48 overflow-auto whitespace-pre-wrap rounded-lg border border-line bg-raised px-3 py-2 font-mono text-xs leading-[18px] [overflow-wrap:anywhere]">
        {command.data.command}
        {command.data.cwd !== undefined && <span className="text-ink-3">{`\nin ${command.data.cwd}`}</span>}
      </pre>
    );
  }
  const replacement = Replacement.safeParse(approval.input);
  if (replacement.success) {
    const { path, oldText, newText } = replacement.data;
    return <Edit path={path} before={oldText} after={newText} />;
  }
  const file = NewFile.safeParse(approval.input);
  if (file.success) return <Edit path={file.data.path} before="" after={file.data.content} />;
  const onPath = OnPath.safeParse(approval.input);
  return (
    <pre className="mt-2 max-h-48 overflow-auto whitespace-pre-wrap rounded-lg border border-line bg-raised px-3 py-2 font-mono text-xs">
      {onPath.success ? onPath.data.path : JSON.stringify(approval.input, null, 2)}
    </pre>
  );
}

function Edit({ path, before, after }: { path: string; before: string; after: string }) {
  return (
    <div className="mt-2">
      <p className="mb-1 truncate font-mono text-ink-2 text-xs">{path}</p>
      <div className="max-h-56 overflow-y-auto rounded-lg bg-raised">
        <SmallDiff before={before} after={after} />
      </div>
    </div>
  );
}
