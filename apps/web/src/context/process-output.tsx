import { useLayoutEffect, useMemo, useRef } from 'react';
import { cn } from '../ui/cn.ts';
import { Spinner } from '../ui/spinner.tsx';
import { parseTerminal, type TerminalRun } from './terminal-text.ts';
import { useProcessOutput } from './use-process-output.ts';

const COLORS = [
  'text-ink-3',
  'text-del',
  'text-add',
  'text-[light-dark(#8a6100,#d9b55f)]',
  'text-accent',
  'text-[light-dark(#8f3fb0,#cf9be6)]',
  'text-[light-dark(#0f7490,#66c5dd)]',
  'text-ink',
];

/** A process's output as it comes, with its colours; stays at the end while the reader is there. */
export function ProcessOutputView(props: {
  taskId: string;
  processId: string;
  /** Show so many of the last lines only. */
  lines?: number | undefined;
  /** Shown when the output itself is gone. */
  fallback: string | null;
  className?: string;
}) {
  const { text, cut, ended, error } = useProcessOutput(props.taskId, props.processId);
  const lost = error !== null && text === '';
  const shown = lost ? (props.fallback ?? '') : text;
  const all = useMemo(() => parseTerminal(shown.replace(/\n$/, '')), [shown]);
  const hidden = props.lines !== undefined && ended ? Math.max(0, all.length - props.lines) : 0;
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new text is what moves it
  useLayoutEffect(() => {
    if (box.current !== null && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [all]);
  if (!ended && text === '') {
    return (
      <p className="flex items-center gap-2 text-ink-3 text-xs">
        <Spinner className="size-3.5" /> Waiting for output…
      </p>
    );
  }
  return (
    <div>
      {(cut || hidden > 0) && (
        <p className="mb-1 text-ink-3 text-xs">
          {hidden > 0
            ? `Last ${props.lines} lines; all of it is in the terminal tab.`
            : 'Earlier output is not kept.'}
        </p>
      )}
      {error !== null && <p className="mb-1 text-ink-3 text-xs">{error}</p>}
      <pre
        ref={box}
        data-testid="process-output"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          follows.current = scrollHeight - scrollTop - clientHeight < 24;
        }}
        className={cn(
          'overflow-auto whitespace-pre-wrap rounded-lg border border-line bg-surface px-3 py-2 font-mono text-ink-2 text-xs leading-[18px] [overflow-wrap:anywhere]',
          props.className,
        )}
      >
        {all.slice(hidden).map((runs, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a log's lines have no other name
          <Line key={index} runs={runs} />
        ))}
        {shown === '' && <span className="text-ink-3">No output.</span>}
      </pre>
    </div>
  );
}

function Line({ runs }: { runs: TerminalRun[] }) {
  return (
    <span className="block min-h-[18px]">
      {runs.map((run, index) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: runs of one line have no other name
          key={index}
          className={cn(run.color !== null && COLORS[run.color % 8], run.bold && 'font-semibold text-ink')}
        >
          {run.text}
        </span>
      ))}
    </span>
  );
}
