import { LoaderCircle } from 'lucide-react';
import { cn } from './cn.ts';

/** A turning ring; decorative, so say in text what is being waited for. */
export function Spinner({ className }: { className?: string }) {
  return <LoaderCircle aria-hidden className={cn('motion-spin size-4 text-ink-3', className)} />;
}
