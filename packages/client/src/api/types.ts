import type { Endpoint, Endpoints, EventPage, OperationId } from '@shadow/protocol';
import type * as z from 'zod';

/** A page of the event log. Events of types that this client does not know are left out. */
export interface KnownEventPage extends EventPage {
  /** Number of the page's last event, known or not; where the next page starts. Null for an empty page. */
  lastSeq: number | null;
}

/** `query` with the values a caller has at hand: numbers and booleans, not their text. */
type QueryInput<Query extends z.ZodObject> = {
  [Key in keyof z.input<Query>]: Key extends keyof z.output<Query> ? z.output<Query>[Key] : never;
};

type Part<Name extends string, Value> = [Value] extends [undefined]
  ? unknown
  : [keyof Value] extends [never]
    ? unknown
    : Partial<Record<never, never>> extends Value
      ? { [Key in Name]?: Value }
      : { [Key in Name]: Value };

/** What one call takes: the endpoint's parameters, query and body as far as it has them, and a signal. */
export type CallInput<E extends Endpoint> = Part<'params', z.input<E['params']>> &
  Part<'query', QueryInput<E['query']>> &
  Part<'body', z.input<E['body']>> & {
    /** Aborting ends the call with CANCELLED. */
    signal?: AbortSignal | undefined;
  };

/** What one call resolves to. */
export type CallOutput<Name extends OperationId> = Name extends 'listEvents'
  ? KnownEventPage
  : z.output<Endpoints[Name]['response']>;

type Call<Name extends OperationId> =
  Partial<Record<never, never>> extends CallInput<Endpoints[Name]>
    ? (input?: CallInput<Endpoints[Name]>) => Promise<CallOutput<Name>>
    : (input: CallInput<Endpoints[Name]>) => Promise<CallOutput<Name>>;

/** One method per operation of the HTTP API. Every method rejects with ShadowError and with nothing else. */
export type ApiClient = { readonly [Name in OperationId]: Call<Name> };
