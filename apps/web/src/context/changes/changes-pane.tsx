import type { TaskView } from '@shadow/client';
import type { FileDiff } from '@shadow/protocol';
import { useRouterState } from '@tanstack/react-router';
import { Columns2, FolderTree, Pilcrow, Rows2 } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { usePreferences } from '../../app/preferences.ts';
import { useViewport } from '../../app/viewport.ts';
import { plural } from '../../formatting/numbers.ts';
import { Button } from '../../ui/button.tsx';
import { cn } from '../../ui/cn.ts';
import { LineCounts } from '../../ui/line-counts.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { Tooltip } from '../../ui/tooltip.tsx';
import { EmptyPane } from '../empty-pane.tsx';
import { DiffFile } from './diff-file.tsx';
import { treeOf } from './file-tree.ts';
import { useDiff } from './use-diff.ts';

/** What the task changed: a tree of files, and their diffs. */
export default function ChangesPane({ view, taskId }: { view: TaskView; taskId: string }) {
  const { data, error, isFetching, ready, refetch } = useDiff(taskId, view);
  const viewport = useViewport();
  const [treeOpen, setTreeOpen] = useState(viewport !== 'narrow');
  const diffs = useRef<HTMLDivElement>(null);
  const files = useMemo(() => inTreeOrder(data?.files ?? []), [data]);
  useFileLink(files.length > 0);
  if (!ready) {
    return <EmptyPane title="No changes yet">They show here as soon as the workspace is ready.</EmptyPane>;
  }
  if (error !== null && data === undefined) {
    return (
      <EmptyPane title="The changes could not be read">
        <p>{error.message}</p>
        <Button size="small" className="mt-3" onClick={() => void refetch()}>
          Try again
        </Button>
      </EmptyPane>
    );
  }
  if (data === undefined) {
    return (
      <div role="status" className="flex items-center gap-2 p-4 text-ink-3 text-xs">
        <Spinner className="size-3.5" /> Reading the changes…
      </div>
    );
  }
  return (
    <div className="flex h-full min-h-0 flex-col" data-testid="changes-pane">
      <div className="flex h-10 shrink-0 items-center gap-1 border-b pr-2 pl-4 text-xs max-md:h-12">
        <span>{plural(data.files.length, 'file')}</span>
        <LineCounts additions={data.additions} deletions={data.deletions} className="ml-1.5" />
        {isFetching && <Spinner className="ml-2 size-3" />}
        <span className="ml-auto" />
        <DiffSettings treeOpen={treeOpen} onTree={setTreeOpen} />
      </div>
      {data.files.length === 0 ? (
        <EmptyPane title="Nothing changed">The workspace is as its base commit.</EmptyPane>
      ) : (
        <>
          {treeOpen && <FileTree files={data.files} diffs={diffs} />}
          <div ref={diffs} className="min-h-0 flex-1 overflow-y-auto">
            {files.map((file) => (
              <DiffFile key={file.path} file={file} taskId={taskId} />
            ))}
          </div>
        </>
      )}
    </div>
  );
}

function inTreeOrder(files: readonly FileDiff[]): FileDiff[] {
  return treeOf(files).flatMap((line) => (line.kind === 'file' ? [line.file] : []));
}

function DiffSettings(props: { treeOpen: boolean; onTree: (open: boolean) => void }) {
  const { diffStyle, hideWhitespace, set } = usePreferences();
  return (
    <>
      <Toggle label="File tree" pressed={props.treeOpen} onClick={() => props.onTree(!props.treeOpen)}>
        <FolderTree aria-hidden />
      </Toggle>
      <Toggle
        label="Hide white space changes"
        pressed={hideWhitespace}
        onClick={() => set({ hideWhitespace: !hideWhitespace })}
      >
        <Pilcrow aria-hidden />
      </Toggle>
      <Toggle
        label="Side by side"
        pressed={diffStyle === 'split'}
        onClick={() => set({ diffStyle: diffStyle === 'split' ? 'unified' : 'split' })}
      >
        {diffStyle === 'split' ? <Columns2 aria-hidden /> : <Rows2 aria-hidden />}
      </Toggle>
    </>
  );
}

function Toggle(props: { label: string; pressed: boolean; onClick: () => void; children: ReactNode }) {
  return (
    <Tooltip label={props.label}>
      <Button
        look="ghost"
        size="icon"
        aria-label={props.label}
        aria-pressed={props.pressed}
        onClick={props.onClick}
        className={cn(props.pressed && 'bg-selected text-ink')}
      >
        {props.children}
      </Button>
    </Tooltip>
  );
}

function FileTree(props: { files: readonly FileDiff[]; diffs: React.RefObject<HTMLDivElement | null> }) {
  const lines = useMemo(() => treeOf(props.files), [props.files]);
  return (
    <nav aria-label="Changed files" className="max-h-[32%] shrink-0 overflow-y-auto border-b px-2 py-1.5">
      <ul>
        {lines.map((line) =>
          line.kind === 'directory' ? (
            <li
              key={`d ${line.path}`}
              className="flex h-6 items-center truncate px-2 text-ink-3 text-xs"
              style={{ paddingLeft: 8 + line.depth * 14 }}
            >
              {line.label}
            </li>
          ) : (
            <li key={`f ${line.file.path}`}>
              <button
                type="button"
                onClick={() =>
                  document.getElementById(`file-${line.file.path}`)?.scrollIntoView({ block: 'start' })
                }
                style={{ paddingLeft: 8 + line.depth * 14 }}
                className="flex h-6 w-full items-center gap-2 rounded-md pr-2 text-left text-xs hover:bg-hover max-md:h-11"
              >
                <span
                  className={cn('min-w-0 flex-1 truncate', line.file.status === 'deleted' && 'line-through')}
                >
                  {line.label}
                </span>
                <LineCounts
                  additions={line.file.additions}
                  deletions={line.file.deletions}
                  className="text-2xs"
                />
              </button>
            </li>
          ),
        )}
      </ul>
    </nav>
  );
}

/** Goes to the file that the address's fragment names (`#file=src/a.ts`), once it is there. */
function useFileLink(hasFiles: boolean): void {
  const hash = useRouterState({ select: ({ location }) => location.hash });
  useEffect(() => {
    if (!hasFiles || !hash.startsWith('file=')) return;
    const path = decodeURIComponent(hash.slice('file='.length));
    document.getElementById(`file-${path}`)?.scrollIntoView({ block: 'start' });
  }, [hash, hasFiles]);
}
