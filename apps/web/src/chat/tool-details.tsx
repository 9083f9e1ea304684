import type { ToolCallItem } from '@shadow/client';
import * as z from 'zod';
import { ProcessOutputView } from '../context/process-output.tsx';
import { SmallDiff } from './small-diff.tsx';

/** Lines of a failure that are shown without asking. */
const FAILURE_LINES = 20;

const Replacement = z.object({ oldText: z.string(), newText: z.string() });
const NewFile = z.object({ content: z.string() });
const Command = z.object({ command: z.string() });

/** What came of a tool call. */
export function ToolDetails({ call, taskId }: { call: ToolCallItem; taskId: string }) {
  return (
    <div className="space-y-1.5">
      {call.error !== null && (
        <p className="text-del text-sm [overflow-wrap:anywhere]">{call.error.message}</p>
      )}
      {call.approval?.status === 'denied' && call.approval.note !== null && (
        <p className="text-ink-2 text-sm">You said: {call.approval.note}</p>
      )}
      <Body call={call} taskId={taskId} />
    </div>
  );
}

function Body({ call, taskId }: { call: ToolCallItem; taskId: string }) {
  if (call.tool === 'executeCommand') return <CommandDetails call={call} taskId={taskId} />;
  const replacement = Replacement.safeParse(call.input);
  if (call.tool === 'searchReplace' && replacement.success) {
    return <SmallDiff before={replacement.data.oldText} after={replacement.data.newText} />;
  }
  const file = NewFile.safeParse(call.input);
  if (call.tool === 'writeFile' && file.success) return <SmallDiff before="" after={file.data.content} />;
  if (call.preview !== null && call.preview !== '') return <Output text={call.preview} />;
  if (call.error !== null) return null;
  return (
    <p className="text-ink-3 text-xs">
      {call.state === 'running' ? 'Nothing to show yet.' : 'Nothing to show.'}
    </p>
  );
}

function CommandDetails({ call, taskId }: { call: ToolCallItem; taskId: string }) {
  const command = Command.safeParse(call.input);
  const isLong = command.success && (command.data.command.includes('\n') || command.data.command.length > 60);
  const failed = call.exitCode !== null && call.exitCode !== 0;
  return (
    <>
      {isLong && (
        <pre className="max-h-40 overflow-auto whitespace-pre-wrap rounded-lg border border-line px-3 py-2 font-mono text-xs [overflow-wrap:anywhere]">
          {command.data.command}
        </pre>
      )}
      {call.processId !== null ? (
        <ProcessOutputView
          taskId={taskId}
          processId={call.processId}
          lines={failed ? FAILURE_LINES : undefined}
          fallback={call.preview}
          className="max-h-80"
        />
      ) : (
        call.preview !== null && call.preview !== '' && <Output text={call.preview} />
      )}
    </>
  );
}

function Output({ text }: { text: string }) {
  return (
    <pre className="max-h-80 overflow-auto whitespace-pre-wrap rounded-lg border border-line bg-surface px-3 py-2 font-mono text-ink-2 text-xs leading-[18px] [overflow-wrap:anywhere]">
      {text}
    </pre>
  );
}
