/** What one check found. `missing` means that Shadow does not work without mending it. */
export interface CheckResult {
  readonly level: 'ok' | 'warning' | 'missing';
  readonly text: string;
  /** What to do about it. */
  readonly mend?: string;
}
