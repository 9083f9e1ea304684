import { useSyncExternalStore } from 'react';

/** `wide` has room for three panes, `medium` for chat and context, `narrow` shows one at a time. */
export type Viewport = 'wide' | 'medium' | 'narrow';

const wide = window.matchMedia('(min-width: 1280px)');
const narrow = window.matchMedia('(max-width: 767.98px)');

/** How much room there is; changes with the window. */
export function useViewport(): Viewport {
  return useSyncExternalStore(subscribe, read);
}

function read(): Viewport {
  if (wide.matches) return 'wide';
  return narrow.matches ? 'narrow' : 'medium';
}

function subscribe(changed: () => void): () => void {
  for (const query of [wide, narrow]) query.addEventListener('change', changed);
  return () => {
    for (const query of [wide, narrow]) query.removeEventListener('change', changed);
  };
}
