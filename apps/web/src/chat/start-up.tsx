import type { InitStepItem } from '@shadow/client';
import { Check, CircleAlert, CircleDashed, RotateCw } from 'lucide-react';
import { formatDuration } from '../formatting/times.ts';
import { useTaskActions } from '../task/actions.ts';
import { STEP_TITLE } from '../task/activity.ts';
import { Button } from '../ui/button.tsx';
import { Spinner } from '../ui/spinner.tsx';
import { useRowOpen } from './expanded.ts';
import { Fold } from './fold.tsx';

/** Start-up as a checklist: each step with its time, its log, and Retry when it failed. */
export function StartUp({
  steps,
  taskId,
  canRetry,
}: {
  steps: readonly InitStepItem[];
  taskId: string;
  canRetry: boolean;
}) {
  return (
    <div data-testid="start-up">
      {steps.map((step) => (
        <Step key={step.id} step={step} taskId={taskId} canRetry={canRetry} />
      ))}
    </div>
  );
}

function Step({ step, taskId, canRetry }: { step: InitStepItem; taskId: string; canRetry: boolean }) {
  const [open, toggle] = useRowOpen(`${taskId} ${step.id}`, step.status === 'failed');
  const { retry } = useTaskActions(taskId);
  return (
    <Fold
      open={open}
      onToggle={toggle}
      testId="init-step"
      state={step.status}
      summary={
        <>
          <StepMark status={step.status} />
          <span className="truncate">{STEP_TITLE[step.name]}</span>
        </>
      }
      end={
        <>
          {step.attempt > 1 && <span>attempt {step.attempt}</span>}
          {step.durationMs !== null && <span>{formatDuration(step.durationMs)}</span>}
        </>
      }
    >
      {step.error !== null && <p className="mb-1.5 text-del text-sm">{step.error.message}</p>}
      {step.log !== '' ? (
        <pre className="max-h-60 overflow-auto whitespace-pre-wrap rounded-lg border border-line bg-surface px-3 py-2 font-mono text-ink-2 text-xs leading-[18px]">
          {step.log.trimEnd()}
        </pre>
      ) : (
        step.error === null && <p className="text-ink-3 text-xs">No output.</p>
      )}
      {step.status === 'failed' && canRetry && (
        <Button size="small" className="mt-2" disabled={retry.isPending} onClick={() => retry.mutate()}>
          <RotateCw className="size-3.5" aria-hidden /> Retry this step
        </Button>
      )}
    </Fold>
  );
}

function StepMark({ status }: { status: InitStepItem['status'] }) {
  if (status === 'running') return <Spinner className="size-3.5" />;
  if (status === 'completed') return <Check className="size-3.5 text-add" aria-label="done" />;
  if (status === 'failed') return <CircleAlert className="size-3.5 text-del" aria-label="failed" />;
  return <CircleDashed className="size-3.5 text-ink-3" aria-label="waiting" />;
}
