import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { ended, expectFailure, run, start, textOf, until } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** How commands end, which ones are the same, and which are refused. */
export function endingCommands(shared: SharedSubject): void {
  ends(shared);
  identity(shared);
  refusals(shared);
}

function ends(shared: SharedSubject): void {
  it('ends a command that takes too long, and keeps what it wrote', async () => {
    const result = await run(shared.executor, {
      command: 'echo early; sleep 300; echo late',
      timeoutMs: 300,
    });
    expect(result).toMatchObject({ stdout: 'early\n', process: { state: 'timed-out' } });
    expect(result.process.finishedAt).not.toBeNull();
  });

  it('ends a command that has been quiet for too long', async () => {
    const result = await run(shared.executor, { command: 'echo early; sleep 300', noOutputTimeoutMs: 300 });
    expect(result).toMatchObject({ stdout: 'early\n', process: { state: 'timed-out' } });
  });

  it('ends a command whose signal aborts, and keeps what it wrote', async () => {
    const abort = new AbortController();
    const running = run(shared.executor, 'echo early; sleep 300; echo late', {
      signal: abort.signal,
      onOutput: () => abort.abort(),
    });
    expect(await running).toMatchObject({ stdout: 'early\n', process: { state: 'cancelled' } });
  });

  it('does not start a command whose signal has aborted: CANCELLED', async () => {
    const at = await shared.place();
    const signal = AbortSignal.abort();
    const request = { command: 'echo x > f', cwd: at };
    expectFailure(await shared.executor.executeCommand(request, { signal }), 'CANCELLED');
    expect(unwrap(await shared.executor.listDirectory({ path: at })).entries).toEqual([]);
  });

  it('reports the signal that ended a command, not an exit code', async () => {
    const processId = shared.freshName();
    const running = run(
      shared.executor,
      { command: 'sleep 300', processId },
      {
        onStarted: () => {
          void shared.executor.signalProcess({ processId, signal: 'SIGKILL' });
        },
      },
    );
    expect((await running).process).toMatchObject({ state: 'signaled', signal: 'SIGKILL', exitCode: null });
  });

  it('ends the children of a command with it, where commands are real', async () => {
    if (!shared.hasRealShell) return;
    const at = await shared.place();
    const command = 'sleep 301 & echo $! > pid; sleep 301';
    await run(shared.executor, { command, cwd: at, timeoutMs: 300 });
    const pid = (await textOf(shared, `${at}/pid`)).trim();
    const alive = async () => (await run(shared.executor, `kill -0 ${pid}`)).process.exitCode === 0;
    await until(async () => !(await alive()), 'the end of the child');
  });
}

function identity(shared: SharedSubject): void {
  it('runs a command once however often it is started under one id', async () => {
    const at = await shared.place();
    const request = { command: 'echo ran >> f; echo done', cwd: at, processId: shared.freshName() };
    const first = await run(shared.executor, request);
    const second = await run(shared.executor, request);
    expect(second).toMatchObject({ stdout: 'done\n', process: { startedAt: first.process.startedAt } });
    expect(await textOf(shared, `${at}/f`)).toBe('ran\n');
  });

  it('refuses another command under an id that is taken: IDEMPOTENCY_MISMATCH', async () => {
    const processId = shared.freshName();
    await run(shared.executor, { command: 'echo a', processId });
    const other = await shared.executor.executeCommand({ command: 'echo b', processId });
    expectFailure(other, 'IDEMPOTENCY_MISMATCH');
  });

  it('runs a command once under one idempotency key', async () => {
    const at = await shared.place();
    const idempotencyKey = `key-${at}`;
    const request = { command: 'echo ran >> f', cwd: at };
    await run(shared.executor, request, { idempotencyKey });
    await run(shared.executor, request, { idempotencyKey });
    expect(await textOf(shared, `${at}/f`)).toBe('ran\n');
  });

  it('chooses an id when none is given, another one each time', async () => {
    const first = await run(shared.executor, 'true');
    const second = await run(shared.executor, 'true');
    expect(first.process.processId).not.toBe(second.process.processId);
  });

  it('can be found again after it has ended', async () => {
    const { process } = await run(shared.executor, 'echo kept');
    const found = unwrap(await shared.executor.getProcess({ processId: process.processId }));
    expect(found.process).toEqual(process);
    expect(await ended(shared.executor, process.processId)).toEqual(process);
  });
}

function refusals(shared: SharedSubject): void {
  it.each([
    ['an empty command', { command: '' }],
    ['a process id with a slash', { command: 'true', processId: '../x' }],
    ['a variable with a name that is none', { command: 'true', env: { 'A-B': 'x' } }],
    ['a timeout of nothing', { command: 'true', timeoutMs: 0 }],
    ['a command beyond 64 KiB', { command: `echo ${'x'.repeat(65_536)}` }],
  ])('refuses %s: VALIDATION_FAILED', async (_what, request) => {
    expectFailure(await shared.executor.executeCommand(request), 'VALIDATION_FAILED');
  });

  it('refuses a directory that does not exist: FILE_NOT_FOUND', async () => {
    const request = { command: 'true', cwd: shared.freshName() };
    expectFailure(await shared.executor.executeCommand(request), 'FILE_NOT_FOUND');
  });

  it('refuses a file as the directory: NOT_A_DIRECTORY', async () => {
    const at = await shared.place({ f: '' });
    expectFailure(
      await shared.executor.executeCommand({ command: 'true', cwd: `${at}/f` }),
      'NOT_A_DIRECTORY',
    );
  });

  it('refuses input for a foreground command that was given none: VALIDATION_FAILED', async () => {
    const processId = shared.freshName();
    const abort = new AbortController();
    const running = run(
      shared.executor,
      { command: 'echo up; sleep 300', processId },
      {
        signal: abort.signal,
        onOutput: async () => {
          const written = await shared.executor.writeStdin({ processId, data: 'x' });
          abort.abort(written);
        },
      },
    );
    expect((await running).process.state).toBe('cancelled');
    expectFailure(abort.signal.reason, 'VALIDATION_FAILED');
  });

  it('keeps a memory limit, or says that no limits hold', async () => {
    const limits = { memoryBytes: 64 * 1024 * 1024 };
    const result = await run(shared.executor, { command: 'echo within', limits });
    expect(result).toMatchObject({ stdout: 'within\n', process: { exitCode: 0 } });
    if (shared.capabilities.limits === 'none' || !shared.hasRealShell) return;
    const { process } = await run(shared.executor, { command: 'head -c 400000000 /dev/zero | tail', limits });
    expect(process.exitCode).not.toBe(0);
  });

  it('offers process ids that were used to `listProcesses`', async () => {
    const info = await start(shared.executor, { command: 'true' });
    const { processes } = unwrap(await shared.executor.listProcesses());
    expect(processes.map(({ processId }) => processId)).toContain(info.processId);
  });
}
