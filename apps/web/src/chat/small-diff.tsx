import { useMemo, useState } from 'react';
import { cn } from '../ui/cn.ts';
import { type DiffLine, diffLines } from './diff-lines.ts';

/** Lines shown before one has to ask for the rest. */
const SHOWN = 24;

/** An edit as a few lines: what went, what came. */
export function SmallDiff({ before, after }: { before: string; after: string }) {
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  const [all, setAll] = useState(false);
  const shown = all ? lines : lines.slice(0, SHOWN);
  return (
    <div className="overflow-hidden rounded-lg border border-line">
      <pre className="overflow-x-auto py-1 font-mono text-xs leading-[18px]">
        <span className="inline-block min-w-full">
          {shown.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines of one immutable edit
            <Line key={index} line={line} />
          ))}
        </span>
      </pre>
      {lines.length > SHOWN && (
        <button
          type="button"
          onClick={() => setAll(!all)}
          className="h-7 w-full border-t bg-surface px-3 text-left text-ink-3 text-xs hover:text-ink max-md:h-11"
        >
          {all ? 'Show less' : `Show ${lines.length - SHOWN} more lines`}
        </button>
      )}
    </div>
  );
}

function Line({ line }: { line: DiffLine }) {
  const mark = { added: '+', removed: '−', same: ' ' }[line.kind];
  return (
    <span
      className={cn(
        'block px-3',
        line.kind === 'added' && 'bg-add/10',
        line.kind === 'removed' && 'bg-del/10',
        line.kind === 'same' && 'text-ink-3',
      )}
    >
      <span
        aria-hidden
        className={cn(
          'inline-block w-4 select-none text-ink-3',
          line.kind === 'added' && 'text-add',
          line.kind === 'removed' && 'text-del',
        )}
      >
        {mark}
      </span>
      {line.text === '' ? ' ' : line.text}
    </span>
  );
}
