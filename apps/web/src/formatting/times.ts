const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/**
 * How long ago, short: `now`, `4m`, `2h`, `3d`.
 * @param iso a point in time
 * @param now milliseconds since the epoch
 */
export function formatAge(iso: string, now: number): string {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  if (seconds < MINUTE) return 'now';
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)}h`;
  if (seconds < 30 * DAY) return `${Math.floor(seconds / DAY)}d`;
  return new Date(iso).toLocaleDateString('en', { month: 'short', day: 'numeric' });
}

/** A duration in milliseconds: `412 ms`, `3.1 s`, `2m 04s`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
}
