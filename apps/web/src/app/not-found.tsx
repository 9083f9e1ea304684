import { Link } from '@tanstack/react-router';

/** Shown for an address that leads nowhere. */
export function NotFound() {
  return (
    <main className="flex h-full flex-col items-center justify-center gap-2 p-6 text-center">
      <h1 className="font-semibold text-base">There is nothing at this address</h1>
      <p className="text-ink-2 text-sm">The task may have been deleted, or the link is incomplete.</p>
      <Link to="/" className="mt-2 text-accent text-sm underline underline-offset-2">
        Go to the composer
      </Link>
    </main>
  );
}
