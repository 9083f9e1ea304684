import { useMemo } from 'react';
import { cn } from '../../ui/cn.ts';

/** Lines drawn at most: this only stands in while the highlighted view is on its way. */
const LINES = 400;

/** A patch without highlighting, shown at once. */
export function PlainPatch({ patch }: { patch: string }) {
  const lines = useMemo(() => bodyOf(patch).slice(0, LINES), [patch]);
  return (
    <pre aria-hidden className="overflow-hidden font-mono text-xs leading-[18px]">
      {lines.map((line, index) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: lines of one immutable patch
          key={index}
          className={cn(
            'block whitespace-pre pl-[46px]',
            line.startsWith('+') && 'bg-add/10',
            line.startsWith('-') && 'bg-del/10',
            line.startsWith('@@') && 'bg-hover text-hover',
          )}
        >
          {line.slice(1) || ' '}
        </span>
      ))}
    </pre>
  );
}

function bodyOf(patch: string): string[] {
  const at = patch.search(/^@@/m);
  // A hunk at the very beginning of the file has nothing hidden before it, and so no bar.
  return patch
    .slice(at)
    .replace(/^@@ -[01],.*\n/, '')
    .trimEnd()
    .split('\n');
}
