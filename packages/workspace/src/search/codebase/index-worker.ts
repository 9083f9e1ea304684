import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { createConfinement } from '../../security/paths.ts';
import { CodeIndex } from './code-index.ts';
import { type FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts';

const port = parentPort;
if (port === null) throw new Error('This file is the code index thread and runs as a worker alone.');

const { root, stateDir, runAs, environment, fill, atOnce } = WorkerSettings.parse(workerData);
const confinement = createConfinement(root);
const hasRoom = (): boolean => {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  return used_heap_size < heap_size_limit * fill;
};
const index = new CodeIndex({ scope: { root, confinement, runAs, environment }, stateDir, hasRoom, atOnce });
const say = (message: FromWorker): void => port.postMessage(message);
const wordsOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);

/** Updates wait for the build and for each other; searches do not. */
let work: Promise<void> = Promise.resolve();

function enqueue(task: () => Promise<void>): void {
  work = work.then(task, task);
}

async function build(): Promise<void> {
  try {
    await index.build();
    say({ type: 'built' });
  } catch (thrown) {
    say({ type: 'built', error: wordsOf(thrown) });
  }
}

async function update(paths: readonly string[]): Promise<void> {
  await index.update(paths).catch(() => {});
  say({ type: 'updated' });
}

port.on('message', (message: unknown) => {
  const request = ToWorker.parse(message);
  if (request.type === 'build') return enqueue(build);
  if (request.type === 'update') return enqueue(() => update(request.paths));
  const { id } = request;
  index.search(request.query, request.limit, request.within).then(
    (answer) => say({ type: 'answer', id, answer }),
    (thrown) => say({ type: 'answer', id, error: wordsOf(thrown) }),
  );
});
