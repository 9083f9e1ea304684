import type { TaskStatus } from '@shadow/protocol';
import {
  Archive,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CircleStop,
  LoaderCircle,
  Unplug,
} from 'lucide-react';
import { cn } from '../ui/cn.ts';

const glyphs = {
  queued: { Icon: CircleDashed, tone: 'text-ink-3' },
  initializing: { Icon: LoaderCircle, tone: 'text-accent motion-spin' },
  running: { Icon: LoaderCircle, tone: 'text-accent motion-spin' },
  'awaiting-approval': { Icon: CircleHelp, tone: 'text-amber-fill' },
  'ready-for-review': { Icon: CircleCheck, tone: 'text-add' },
  stopped: { Icon: CircleStop, tone: 'text-ink-3' },
  failed: { Icon: CircleAlert, tone: 'text-del' },
  interrupted: { Icon: Unplug, tone: 'text-amber-fill' },
  archived: { Icon: Archive, tone: 'text-ink-3' },
} as const satisfies Record<TaskStatus, unknown>;

/** A status as a small picture. `stale` greys it: what it says is the last that was known. */
export function StatusGlyph(props: { status: TaskStatus; stale?: boolean; className?: string }) {
  const { Icon, tone } = glyphs[props.status];
  return (
    <Icon
      aria-hidden
      strokeWidth={2}
      className={cn('size-3.5 shrink-0', props.stale ? 'text-ink-3' : tone, props.className)}
    />
  );
}
