import * as z from 'zod';

/** One environment variable: what parses it, and what people are told about it. */
export interface Setting<Value> {
  readonly name: string;
  /** Read when `name` is not set. */
  readonly alias?: string;
  /** The default as documentation shows it. */
  readonly default: string;
  readonly description: string;
  /** What a valid value looks like; part of the message about an invalid one. */
  readonly allowed: string;
  /** Its value is never repeated in a message. */
  readonly secret: boolean;
  readonly schema: z.ZodType<Value, string | undefined>;
}

/** A setting; not a secret unless it says so. */
export function setting<Value>(spec: Omit<Setting<Value>, 'secret'> & { secret?: boolean }): Setting<Value> {
  return { secret: false, ...spec };
}

/** A whole number within bounds. */
export function integer(min: number, max: number, fallback: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .default(String(fallback))
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

/** Null when it is not set. */
export function optional(schema: z.ZodType<string, string>) {
  return schema.optional().transform((value) => value ?? null);
}

/** A duration of a day at most. */
export const milliseconds = (fallback: number) => integer(1, 86_400_000, fallback);
export const MILLISECONDS = 'a whole number of milliseconds from 1 to 86400000 (24 hours)';
export const ANY_TEXT = 'any text';
