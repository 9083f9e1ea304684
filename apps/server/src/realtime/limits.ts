/** Bounds of one socket and of how often it is told. */
export interface RealtimeLimits {
  /** Bytes waiting for a socket above which replays and output wait for it. */
  readonly pauseBytes: number;
  /** Bytes waiting above which it is closed: it reconnects and replays what it missed. */
  readonly maxQueuedBytes: number;
  /** Events read from the log at a time in a replay. */
  readonly replayPage: number;
  /** Live events kept for a subscriber while it replays; beyond, it reads them from the log too. */
  readonly maxPendingEvents: number;
  readonly maxSubscriptions: number;
  readonly maxFollows: number;
  /** Milliseconds within which live events of a task go out as one batch. The first goes at once. */
  readonly gatherMs: number;
  /** Milliseconds between checks for credentials that expired or were ended by another server. */
  readonly credentialCheckMs: number;
}

export const DEFAULT_LIMITS: RealtimeLimits = {
  pauseBytes: 256 * 1024,
  maxQueuedBytes: 8 * 1024 * 1024,
  replayPage: 1000,
  maxPendingEvents: 5000,
  maxSubscriptions: 100,
  maxFollows: 32,
  gatherMs: 20,
  credentialCheckMs: 30_000,
};
