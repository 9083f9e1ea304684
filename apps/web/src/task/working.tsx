import type { TaskView } from '@shadow/client';
import type { TaskStatus } from '@shadow/protocol';

/** A sign of life at the end of the log while nothing else moves there. */
export function Working(props: { view: TaskView; status: TaskStatus; offline: boolean }) {
  const { view, status, offline } = props;
  const last = view.timeline.at(view.timeline.length - 1);
  const moves =
    (last?.kind === 'tool-call' && last.state === 'running') ||
    ((last?.kind === 'text' || last?.kind === 'reasoning') && last.streaming) ||
    (last?.kind === 'init-step' && last.status === 'running');
  const text =
    status === 'queued' ? 'Waiting for a free slot…' : status === 'running' ? 'Working…' : 'Starting…';
  const busy = status === 'queued' || status === 'running' || status === 'initializing';
  // The line keeps its place while the task runs, so that nothing jumps when it comes and goes.
  if (!busy) return null;
  return (
    <p className="h-8 pt-3 text-ink-3 text-sm">
      {!moves && !offline && (
        <span className="flex items-center gap-2">
          <span aria-hidden className="motion-breathe size-1.5 rounded-full bg-accent" />
          {text}
        </span>
      )}
    </p>
  );
}
