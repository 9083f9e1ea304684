import { Link } from '@tanstack/react-router';
import { X } from 'lucide-react';
import { usePreferences } from '../app/preferences.ts';

/** Offers a real model where there is only the demo. */
export function KeyBanner() {
  const dismissed = usePreferences(({ bannerDismissed }) => bannerDismissed);
  const set = usePreferences((prefs) => prefs.set);
  if (dismissed) return null;
  return (
    <div className="mt-2.5 flex items-center gap-2 px-1 text-ink-3 text-xs">
      <p className="min-w-0 flex-1">
        Demo mode: a script drives the real tools.{' '}
        <Link to="/settings" className="text-accent underline decoration-accent/40 underline-offset-2">
          Add an API key or a local endpoint
        </Link>{' '}
        to work with a model.
      </p>
      <button
        type="button"
        aria-label="Dismiss"
        onClick={() => set({ bannerDismissed: true })}
        className="flex size-6 items-center justify-center rounded-md hover:bg-hover hover:text-ink max-md:size-11"
      >
        <X className="size-3.5" aria-hidden />
      </button>
    </div>
  );
}
