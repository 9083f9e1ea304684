import { ErrorCode, ShadowError } from '@shadow/protocol';
import * as z from 'zod';

/** A schema's check that asks for an error code of its own instead of VALIDATION_FAILED. */
const OwnCode = z.object({ params: z.object({ code: ErrorCode }) });

/**
 * Parses a part of a request.
 * @param part which part, for the message
 * @throws ShadowError VALIDATION_FAILED, or the code a check asks for, with `details.issues`
 */
export function parsePart<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: 'path' | 'query' | 'body',
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({
    path: [part, ...issue.path].join('.'),
    message: issue.message,
  }));
  const [own] = parsed.error.issues.flatMap((issue) => {
    const found = OwnCode.safeParse(issue);
    return found.success ? [found.data.params.code] : [];
  });
  const message = issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ');
  throw new ShadowError(own ?? 'VALIDATION_FAILED', message, { details: { issues } });
}
