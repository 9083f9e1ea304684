import type { Logger } from 'pino';
import type { TurnJournal } from '../agent/contract.ts';
import type { ToolExecutor } from '../execution/interfaces/tool-executor.ts';

/** Paths told of in one event. */
const MAX_PATHS = 100;

/** Tells of files that change while a turn runs, until it is disposed. */
export function watchFiles(executor: ToolExecutor, journal: TurnJournal, log: Logger): AsyncDisposable {
  const controller = new AbortController();
  const watching = follow(executor, journal, controller.signal).catch((error: unknown) => {
    // Nothing depends on it: the diff is read from git, and the UI refreshes after each tool call too.
    log.warn({ err: error }, 'the file watcher ended');
  });
  return {
    async [Symbol.asyncDispose]() {
      controller.abort();
      await watching;
    },
  };
}

async function follow(executor: ToolExecutor, journal: TurnJournal, signal: AbortSignal): Promise<void> {
  for await (const { changes, truncated } of executor.watch({ signal })) {
    if (signal.aborted) return;
    const paths = changes.slice(0, MAX_PATHS).map((change) => change.path);
    await journal.append({ type: 'fs-change', paths, truncated: truncated || changes.length > MAX_PATHS });
  }
}
