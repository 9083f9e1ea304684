import type * as z from 'zod';
import type { Endpoint } from '../api/endpoint.ts';

/** What a call does to the workspace, which decides whether it may be sent again. */
export type SidecarEffect =
  /** Nothing: may always be repeated. */
  | 'read'
  /** Changes something, and done twice comes to the same as done once. */
  | 'converging-write'
  /** Changes something; only a remembered `Idempotency-Key` keeps a repeat from doing it again. */
  | 'write';

/** How a successful answer looks on the wire. */
export type SidecarAnswer =
  | 'json'
  /** The bytes of a file. */
  | 'bytes'
  /** Server-sent events. */
  | 'events'
  /** Frames of `output-frames.ts`. */
  | 'frames'
  /** Text of another format. */
  | 'text';

/** One operation of the sidecar: its routes, its description, the remote client and the tests all read it. */
export interface SidecarEndpoint<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
> extends Endpoint<Params, Query, Body, Response> {
  /** Path from the server's root, with `:name` parameters. */
  readonly path: string;
  readonly effect: SidecarEffect;
  readonly answer: SidecarAnswer;
}

/** Keeps the exact schema types of the table. */
export function defineSidecarEndpoint<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Response extends z.ZodType,
>(endpoint: SidecarEndpoint<Params, Query, Body, Response>): SidecarEndpoint<Params, Query, Body, Response> {
  return endpoint;
}
