import type { FileDiff } from '@shadow/protocol';
import { ChevronRight } from 'lucide-react';
import { lazy, memo, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { usePreferences } from '../../app/preferences.ts';
import { plural } from '../../formatting/numbers.ts';
import { Button } from '../../ui/button.tsx';
import { cn } from '../../ui/cn.ts';
import { LineCounts } from '../../ui/line-counts.tsx';
import { fingerprintOf, reasonToCollapse, splitPath } from './file-facts.ts';
import { PlainPatch } from './plain-patch.tsx';
import { withoutWhitespaceChanges } from './whitespace.ts';

// Fetched along with the pane's code, not first when there is a diff to show.
const loading = import('./patch-view.tsx');
const PatchView = lazy(() => loading);

/** One changed file: its line, and the diff beneath it. */
export const DiffFile = memo(function DiffFile({ file, taskId }: { file: FileDiff; taskId: string }) {
  const fingerprint = useMemo(() => fingerprintOf(taskId, file), [taskId, file]);
  const viewed = usePreferences((prefs) => prefs.viewed.includes(fingerprint));
  const toggleViewed = usePreferences((prefs) => prefs.toggleViewed);
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? !viewed;
  const { directory, name } = splitPath(file.path);
  return (
    <section
      id={`file-${file.path}`}
      aria-label={file.path}
      data-testid="diff-file"
      data-path={file.path}
      className="scroll-mt-1 border-b"
    >
      <div className="sticky top-0 z-10 flex h-9 items-center gap-1 bg-canvas pr-3 pl-1.5 max-md:h-11">
        <button
          type="button"
          aria-expanded={open}
          onClick={() => setChosen(!open)}
          className="flex h-7 min-w-0 flex-1 items-center gap-1.5 rounded-md px-1.5 text-left text-xs hover:bg-hover max-md:h-11"
        >
          <ChevronRight
            aria-hidden
            className={cn('size-3.5 shrink-0 text-ink-3 transition-transform', open && 'rotate-90')}
          />
          {/* The end of a long path is what tells files apart: the directories give way first. */}
          <span className="flex min-w-0 font-mono" title={file.path}>
            <span className="truncate text-ink-3">{directory}</span>
            <span className={cn('shrink-0', file.status === 'deleted' && 'line-through')}>{name}</span>
          </span>
          {file.status !== 'modified' && <span className="shrink-0 text-2xs text-ink-3">{file.status}</span>}
          <LineCounts
            additions={file.additions}
            deletions={file.deletions}
            className="ml-auto pl-2 text-2xs"
          />
        </button>
        <label className="flex h-7 shrink-0 cursor-pointer items-center gap-1.5 pl-2 text-2xs text-ink-3 max-md:h-11">
          <input
            type="checkbox"
            checked={viewed}
            onChange={() => {
              setChosen(null);
              toggleViewed(fingerprint);
            }}
            className="size-3.5 accent-accent"
          />
          Viewed
        </label>
      </div>
      {open && <Body file={file} />}
    </section>
  );
});

function Body({ file }: { file: FileDiff }) {
  const diffStyle = usePreferences((prefs) => prefs.diffStyle);
  const hideWhitespace = usePreferences((prefs) => prefs.hideWhitespace);
  const [wanted, setWanted] = useState(false);
  const [drawn, setDrawn] = useState(false);
  const onDrawn = useCallback(() => setDrawn(true), []);
  const [place, near] = useNear();
  const patch = useMemo(
    () => (hideWhitespace ? withoutWhitespaceChanges(file.patch) : file.patch),
    [file.patch, hideWhitespace],
  );
  const reason = reasonToCollapse(file);
  if (file.binary) return <Note>Binary file, not shown.</Note>;
  if (reason !== null && !wanted) {
    return (
      <Note>
        {reason}: {plural(file.additions + file.deletions, 'changed line')}.
        <Button size="small" onClick={() => setWanted(true)}>
          Load anyway
        </Button>
      </Note>
    );
  }
  if (!patch.includes('@@'))
    return <Note>{file.status === 'renamed' ? `Renamed from ${file.oldPath}.` : 'No lines changed.'}</Note>;
  return (
    <div ref={place}>
      <div className="relative">
        {!drawn && <PlainPatch patch={patch} />}
        {near && (
          // Until it has drawn itself the view lies over its stand-in, so that nothing below moves.
          <div className={drawn ? undefined : 'invisible absolute inset-x-0 top-0'}>
            <Suspense>
              <PatchView patch={patch} diffStyle={diffStyle} onDrawn={onDrawn} />
            </Suspense>
          </div>
        )}
      </div>
      {file.truncated && <Note>The rest of this diff is too long to be sent.</Note>}
    </div>
  );
}

function Note({ children }: { children: React.ReactNode }) {
  return <div className="flex min-h-11 items-center gap-3 px-5 pb-2 text-ink-3 text-xs">{children}</div>;
}

/** Whether an element has come near the visible part of its pane; once near, it stays drawn. */
function useNear(): [React.RefObject<HTMLDivElement | null>, boolean] {
  const place = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null || near) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) setNear(true);
      },
      { rootMargin: '600px' },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [near]);
  return [place, near];
}
