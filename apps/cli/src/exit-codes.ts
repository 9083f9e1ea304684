/** Exit codes of `shadow run`; the other commands use 0 and 1. */
export const EXIT = { done: 0, failed: 1, budgetExceeded: 2, stopped: 130 } as const;
