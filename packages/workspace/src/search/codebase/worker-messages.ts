import { CodebaseSearchResult } from '@shadow/protocol';
import * as z from 'zod';

/** What the index's thread is started with. */
export const WorkerSettings = z.object({
  root: z.string(),
  stateDir: z.string(),
  runAs: z.object({ uid: z.int(), gid: z.int() }).optional(),
  environment: z.record(z.string(), z.string()),
  /** Part of the heap that may be in use before no more files are taken in: the rest is for what is passing, and answers. */
  fill: z.number().positive().max(1),
  /** Files read and taken apart at a time. */
  atOnce: z.int().min(1),
});
export type WorkerSettings = z.infer<typeof WorkerSettings>;

/** What the index's thread is told. */
export const ToWorker = z.discriminatedUnion('type', [
  z.object({ type: z.literal('build') }),
  z.object({ type: z.literal('update'), paths: z.array(z.string()) }),
  z.object({ type: z.literal('search'), id: z.int(), query: z.string(), limit: z.int(), within: z.string() }),
]);
export type ToWorker = z.infer<typeof ToWorker>;

/** What it says. */
export const FromWorker = z.discriminatedUnion('type', [
  z.object({ type: z.literal('built'), error: z.string().optional() }),
  z.object({ type: z.literal('updated') }),
  z.object({
    type: z.literal('answer'),
    id: z.int(),
    answer: CodebaseSearchResult.optional(),
    error: z.string().optional(),
  }),
]);
export type FromWorker = z.infer<typeof FromWorker>;
