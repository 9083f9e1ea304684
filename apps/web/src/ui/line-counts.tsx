import { cn } from './cn.ts';

/** `+61 −3`; a side that is zero is left out. */
export function LineCounts(props: { additions: number; deletions: number; className?: string }) {
  if (props.additions === 0 && props.deletions === 0) return null;
  return (
    <span className={cn('shrink-0 whitespace-nowrap', props.className)}>
      {props.additions > 0 && <span className="text-add">+{props.additions}</span>}
      {props.additions > 0 && props.deletions > 0 && ' '}
      {props.deletions > 0 && (
        <span className="text-del">
          <span aria-hidden>−</span>
          <span className="sr-only">minus </span>
          {props.deletions}
        </span>
      )}
    </span>
  );
}
