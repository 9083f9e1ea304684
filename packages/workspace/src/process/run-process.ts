import type { OutputFrame } from '@shadow/protocol/process';
import type { ProcessHost, StartedFrame, StartProcess } from './process-host.ts';

/** `ProcessHost.runProcess` of a host in this process, where a trip costs nothing. */
export async function* runProcess(
  host: Pick<ProcessHost, 'startProcess' | 'readOutput'>,
  request: StartProcess,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<StartedFrame | OutputFrame, void, undefined> {
  const started = await host.startProcess(request);
  if (!started.success) {
    yield { type: 'error', error: started.error };
    return;
  }
  yield { type: 'started', process: started.process, created: started.created };
  yield* host.readOutput(wholeOutput(request), options);
}

/** The reading of a process's output from its first byte. */
export function wholeOutput({ stateDir, processId }: StartProcess) {
  return { stateDir, processId, fromOffset: 0, follow: true };
}
