import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { MockToolExecutor } from '../../../src/execution/mock/mock-tool-executor.ts';

const call = (executor: MockToolExecutor) => executor.statFile({ path: '.' });

async function outcomes(executor: MockToolExecutor, calls: number): Promise<string[]> {
  const codes: string[] = [];
  for (let count = 0; count < calls; count += 1) {
    const result = await call(executor);
    codes.push(result.success ? 'ok' : result.error.code);
  }
  return codes;
}

it('waits before each call as long as it is told', async () => {
  const executor = new MockToolExecutor();
  executor.setLatency(60_000);
  const abort = new AbortController();
  const pending = executor.statFile({ path: '.' }, { signal: abort.signal });
  abort.abort();
  expect(await pending).toMatchObject({ success: false, error: { code: 'CANCELLED' } });
  executor.setLatency(1);
  unwrap(await call(executor));
});

it('fails as many times as it is told, with the given code, and is retryable by that code', async () => {
  const executor = new MockToolExecutor();
  executor.setSimulateFailures({ operation: 'statFile', times: 2, code: 'RATE_LIMITED' });
  expect(await executor.readFile({ path: 'none' })).toMatchObject({ error: { code: 'FILE_NOT_FOUND' } });
  expect(await call(executor)).toMatchObject({ error: { code: 'RATE_LIMITED', retryable: true } });
  expect(await outcomes(executor, 3)).toEqual(['RATE_LIMITED', 'ok', 'ok']);
});

it('applies the first rule that fits, each with a count of its own', async () => {
  const executor = new MockToolExecutor();
  executor.setSimulateFailures([
    { operation: 'gitStatus', times: 1, code: 'GIT_FAILED' },
    { times: 1, code: 'DISK_FULL' },
  ]);
  expect(await executor.gitStatus()).toMatchObject({ error: { code: 'GIT_FAILED' } });
  expect(await outcomes(executor, 2)).toEqual(['DISK_FULL', 'ok']);
});

it('fails the same calls for the same seed, about as many as the rate says', async () => {
  const executor = new MockToolExecutor();
  const withSeed = (seed: number) => {
    executor.setSimulateFailures({ rate: 0.25, seed });
    return outcomes(executor, 400);
  };
  const first = await withSeed(1);
  expect(await withSeed(1)).toEqual(first);
  expect(await withSeed(2)).not.toEqual(first);
  const failed = first.filter((code) => code === 'UNAVAILABLE').length;
  expect(failed).toBeGreaterThan(60);
  expect(failed).toBeLessThan(140);
});

it('fails streams too: output by an error frame, a watch by throwing', async () => {
  const executor = new MockToolExecutor();
  executor.setSimulateFailures({ code: 'STREAM_INTERRUPTED' });
  const frames = [];
  for await (const frame of executor.readOutput({ processId: 'x' })) frames.push(frame);
  expect(frames).toMatchObject([{ type: 'error', error: { code: 'STREAM_INTERRUPTED' } }]);
  const watching = executor.watch({})[Symbol.asyncIterator]().next();
  await expect(watching).rejects.toMatchObject({ code: 'STREAM_INTERRUPTED' });
});

it('stops to fail when told so', async () => {
  const executor = new MockToolExecutor();
  executor.setSimulateFailures({});
  expect(await outcomes(executor, 2)).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  executor.setSimulateFailures(null);
  expect(await outcomes(executor, 1)).toEqual(['ok']);
});

it('runs registered programs, with arguments, environment, files and an exit code', async () => {
  const executor = new MockToolExecutor();
  executor.putFile('greeting.txt', 'hello');
  executor.registerProgram('greet', async ({ args, env, tree, stdout }) => {
    const { node } = tree.resolve('greeting.txt');
    const greeting = node?.kind === 'file' ? node.bytes.toString('utf8') : '';
    await stdout(`${greeting} ${args.join('+')} ${env.WHO}\n`);
    return 4;
  });
  const result = unwrap(await executor.executeCommand({ command: 'WHO=me greet a "b c"' }));
  expect(result).toMatchObject({ stdout: 'hello a+b c me\n', process: { exitCode: 4 } });
});

it.each([
  'echo $(date)',
  'for x in a; do echo; done | {',
  'echo `date`',
  '(true)',
  'sleep 1 &',
  'echo "unclosed',
  '| cat',
])('says that it does not understand %s', async (command) => {
  const { process, stderr } = unwrap(await new MockToolExecutor().executeCommand({ command }));
  expect(process.exitCode).toBeGreaterThan(0);
  expect(stderr).toMatch(/simulated shell|command not found/);
});

it('shows its git by the git program', async () => {
  const executor = new MockToolExecutor();
  executor.putFile('a', 'x\n');
  executor.commitAll('First', { name: 'A', email: 'a@example.com' });
  executor.putFile('a', 'y\n');
  executor.putFile('b.txt', 'y\n');
  const { stdout } = unwrap(
    await executor.executeCommand({ command: 'git status --short --branch && git log --oneline -5' }),
  );
  expect(stdout).toMatch(/^## main\n M a\n\?\? b\.txt\n[0-9a-f]{7} First\n$/);
});
