/** Options that every operation takes. */
export interface CallOptions {
  /** Aborting ends the work, its processes included, and yields CANCELLED. */
  signal?: AbortSignal;
  /** Makes a repeated mutation answer as the first did instead of running again. */
  idempotencyKey?: string;
}
