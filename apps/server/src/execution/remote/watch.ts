import { ErrorBody, FsChange, ShadowError, sidecarEndpoints, toShadowError } from '@shadow/protocol';
import { livingChunks } from './living-stream.ts';
import { CutBudget } from './output.ts';
import { serverSentEvents } from './server-sent-events.ts';
import type { SidecarClient } from './sidecar-client.ts';

/** What changed while nobody listened cannot be had again, so this is said instead. */
const MAYBE_MISSED: FsChange = { changes: [], truncated: true };

/**
 * Changes of the workspace until the signal aborts, over as many connections as it takes.
 *
 * @throws ShadowError what the sidecar's watcher failed with, or UNAVAILABLE when it cannot be reached
 */
export async function* watchFiles(
  client: SidecarClient,
  signal: AbortSignal | undefined,
): AsyncGenerator<FsChange, void, undefined> {
  const budget = new CutBudget(client, signal);
  while (signal?.aborted !== true) {
    try {
      yield* connection(client, signal, budget);
    } catch (error) {
      const verdict = await budget.afterCut(toShadowError(error));
      if (verdict?.code === 'CANCELLED') return;
      if (verdict !== undefined) throw verdict;
      yield MAYBE_MISSED;
    }
  }
}

async function* connection(
  client: SidecarClient,
  signal: AbortSignal | undefined,
  budget: CutBudget,
): AsyncGenerator<FsChange, void, undefined> {
  const opened = await client.open(sidecarEndpoints.watch, { signal });
  if (!opened.success) throw ShadowError.from(opened.error);
  let heartbeats = 0;
  for await (const { event, data } of serverSentEvents(livingChunks(opened.body))) {
    if (event !== 'heartbeat' || heartbeats++ > 0) budget.progress();
    if (event === 'change') yield FsChange.parse(JSON.parse(data));
    if (event === 'error') throw ShadowError.from(ErrorBody.parse(JSON.parse(data)).error);
  }
  throw new ShadowError('UNAVAILABLE', 'The stream of changes was cut.');
}
