/** One line of the table that `npm run bench` prints. */
export interface Measurement {
  what: string;
  value: number;
  unit: string;
  /** What it is compared with, measured in the same run. */
  baseline?: { name: string; value: number };
  /** What the project holds itself to: of the ratio to the baseline where `of` says so, else of the value. */
  limit?: { of: 'ratio' | 'value'; atMost?: number; atLeast?: number };
}

/** What every `*.bench.ts` exports. */
export interface Bench {
  /** What the group of measurements is about. */
  name: string;
  /** Variable without which there is nothing to measure on. */
  needs?: string;
  run(options: { quick: boolean }): Promise<Measurement[]>;
}

/** The ratio to the baseline; undefined without one. */
export function ratioOf({ value, baseline }: Measurement): number | undefined {
  return baseline === undefined ? undefined : value / baseline.value;
}

/** Whether the limit is held; undefined without one. */
export function isHeld(measurement: Measurement): boolean | undefined {
  const { limit } = measurement;
  if (limit === undefined) return undefined;
  const judged = limit.of === 'ratio' ? (ratioOf(measurement) ?? Number.NaN) : measurement.value;
  return (
    judged <= (limit.atMost ?? Number.POSITIVE_INFINITY) &&
    judged >= (limit.atLeast ?? Number.NEGATIVE_INFINITY)
  );
}

/** The value below which a share of the samples lies. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}
