/** The product's mark. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden="true">
      <rect width="32" height="32" rx="8" className="fill-accent" />
      <path
        d="M9 20.5c1.6 1.7 3.9 2.5 6.700 2.500 4 0 7-1.900 7-5.100 0-6.200-9.700-3.300-9.700-6.300 0-1.300 1.300-2.100 3.300-2.100 1.900 0 3.500.6 4.800 1.800"
        className="fill-none stroke-accent-ink"
        strokeWidth="2.900"
        strokeLinecap="round"
      />
    </svg>
  );
}
