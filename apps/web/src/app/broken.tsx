import type { ErrorComponentProps } from '@tanstack/react-router';
import { Button } from '../ui/button.tsx';

/** Shown in place of a screen whose code failed: what happened, and the way out. */
export function Broken({ error, reset }: ErrorComponentProps) {
  return (
    <main role="alert" className="flex h-full flex-col items-center justify-center gap-2 p-6 text-center">
      <h1 className="font-semibold">This screen broke</h1>
      <p className="max-w-md text-ink-2 text-sm [overflow-wrap:anywhere]">
        {error instanceof Error ? error.message : String(error)} Your tasks run on the server and are not
        affected.
      </p>
      <div className="mt-2 flex gap-2">
        <Button look="primary" onClick={() => window.location.reload()}>
          Reload
        </Button>
        <Button onClick={reset}>Try again</Button>
      </div>
    </main>
  );
}
