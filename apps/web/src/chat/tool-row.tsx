import type { ToolCallItem, ToolCallState } from '@shadow/client';
import { Ban, Check, CircleHelp, CircleSlash, Unplug, X } from 'lucide-react';
import { memo } from 'react';
import { cn } from '../ui/cn.ts';
import { LineCounts } from '../ui/line-counts.tsx';
import { Spinner } from '../ui/spinner.tsx';
import { useRowOpen } from './expanded.ts';
import { Fold } from './fold.tsx';
import { ToolDetails } from './tool-details.tsx';
import { TOOL_VERB, ToolIcon } from './tool-icon.tsx';

/** A tool call: one line, with what it was about; open, what came of it. */
export const ToolRow = memo(function ToolRow({ call, taskId }: { call: ToolCallItem; taskId: string }) {
  const [open, toggle] = useRowOpen(`${taskId} ${call.id}`, hasFailed(call));
  const isEdit = call.additions !== null || call.deletions !== null;
  return (
    <Fold
      open={open}
      onToggle={toggle}
      testId="tool-row"
      state={call.state}
      summary={
        <>
          <ToolIcon tool={call.tool} />
          <span className="shrink-0 text-ink-3">{TOOL_VERB[call.tool] ?? call.tool}</span>
          <span className="min-w-0 truncate font-mono text-ink text-xs" title={call.target}>
            {call.target}
          </span>
        </>
      }
      end={
        <>
          {isEdit ? (
            <LineCounts additions={call.additions ?? 0} deletions={call.deletions ?? 0} />
          ) : (
            call.summary !== null &&
            call.summary !== call.target && <span className="max-md:hidden">{call.summary}</span>
          )}
          <CallState state={call.state} exitCode={call.exitCode} />
        </>
      }
    >
      <ToolDetails call={call} taskId={taskId} />
    </Fold>
  );
});

/** A command that ran and said no is told like a failure too: that is what a reader looks for. */
function hasFailed(call: ToolCallItem): boolean {
  if (call.state === 'failed' || call.state === 'invalid' || call.state === 'lost') return true;
  return call.state === 'succeeded' && call.exitCode !== null && call.exitCode !== 0;
}

const states = {
  running: { label: 'running', Icon: Spinner, tone: '' },
  'awaiting-approval': { label: 'waits for you', Icon: CircleHelp, tone: 'text-amber-fill' },
  succeeded: { label: 'succeeded', Icon: Check, tone: 'text-ink-3' },
  failed: { label: 'failed', Icon: X, tone: 'text-del' },
  denied: { label: 'denied', Icon: Ban, tone: 'text-ink-3' },
  invalid: { label: 'invalid', Icon: X, tone: 'text-del' },
  cancelled: { label: 'stopped', Icon: CircleSlash, tone: 'text-ink-3' },
  lost: { label: 'lost', Icon: Unplug, tone: 'text-del' },
} as const satisfies Record<ToolCallState, unknown>;

/** How a call stands, as a mark at the end of its line. */
export function CallState({ state, exitCode }: { state: ToolCallState; exitCode: number | null }) {
  const shown = state === 'succeeded' && exitCode !== null && exitCode !== 0 ? 'failed' : state;
  const { label, Icon, tone } = states[shown];
  return (
    <span className="flex items-center gap-1.5">
      {(shown === 'denied' || shown === 'cancelled' || shown === 'lost') && label}
      <Icon className={cn('size-3.5', tone)} aria-hidden />
      <span className="sr-only">{label}</span>
    </span>
  );
}
