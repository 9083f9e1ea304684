import * as z from 'zod';
import { unreachable, watchRefusal } from './api-failure.ts';
import type { Kind } from './resource-client.ts';
import type { ApiTransport } from './transport.ts';

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: unknown;
  /** From which to go on after it. */
  resourceVersion: string;
}

const Event = z.object({ type: z.string(), object: z.unknown() });
const Versioned = z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string() }) });

/** Seconds after which the API server ends a watch in order; a new one begins where it ended. */
const WATCH_SECONDS = 300;
/** Milliseconds of silence after which the API server is given up: by then it should have ended the watch. */
const SILENCE_MS = (WATCH_SECONDS + 30) * 1000;
/** Milliseconds of quiet after which TCP asks whether the other side is still there, and finds out within seconds. */
const PROBE_MS = 15_000;
/** Bytes of one event; objects of the API are at most 3 MiB. */
const MAX_LINE = 8 * 1024 * 1024;

/**
 * Changes after a resourceVersion as they come. Returns when the API server ends the watch, which it does now and then.
 *
 * @throws KubernetesError of reason Expired when what came since is forgotten: list again; ShadowError CANCELLED
 */
export async function* watchStream(
  transport: ApiTransport,
  kind: Kind,
  path: string,
  query: { labelSelector?: string | undefined; fieldSelector?: string | undefined; resourceVersion: string },
  signal: AbortSignal,
  onOpen: () => void = () => {},
): AsyncGenerator<WatchEvent, void, undefined> {
  const body = await transport.open({
    method: 'GET',
    path,
    query: { ...query, watch: 1, allowWatchBookmarks: true, timeoutSeconds: WATCH_SECONDS },
    verb: 'watch',
    resource: kind.plural,
    isRepeatable: true,
    signal,
  });
  body.socket.setKeepAlive(true, PROBE_MS);
  onOpen();
  const timer = setTimeout(() => body.destroy(new Error('the watch fell silent')), SILENCE_MS);
  body.on('data', () => timer.refresh());
  try {
    for await (const line of linesOf(body)) yield parseEvent(line, kind, transport);
  } catch (cause) {
    if (cause instanceof WatchEnd) throw cause.reason;
    throw unreachable(cause, transport.access);
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
}

/** An ERROR event, told apart from a connection that breaks. */
class WatchEnd extends Error {
  readonly reason: Error;

  constructor(reason: Error) {
    super(reason.message);
    this.reason = reason;
  }
}

function parseEvent(line: string, kind: Kind, transport: ApiTransport): WatchEvent {
  const { type, object } = Event.parse(JSON.parse(line));
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK') {
    return { type, object, resourceVersion: Versioned.parse(object).metadata.resourceVersion };
  }
  throw new WatchEnd(watchRefusal(object, transport.access, kind.plural));
}

/** Lines of bounded length. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) throw new Error('an event is too large');
    for (const line of lines) if (line !== '') yield line;
  }
}
