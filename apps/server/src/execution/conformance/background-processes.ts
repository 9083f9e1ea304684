import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import {
  ended,
  expectFailure,
  framesOf,
  outputOf,
  run,
  start,
  textOf,
  until,
  untilWritten,
} from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** Background processes: their life, input, signals and terminals. */
export function backgroundProcesses(shared: SharedSubject): void {
  lives(shared);
  input(shared);
  signals(shared);
  terminals(shared);
  realTerminals(shared);
  unknownProcesses(shared);
}

function lives(shared: SharedSubject): void {
  it('returns while the process runs', async () => {
    const processId = shared.freshName();
    const result = await run(shared.executor, { command: 'sleep 300', processId, isBackground: true });
    expect(result.process).toMatchObject({
      processId,
      state: 'running',
      isBackground: true,
      exitCode: null,
      signal: null,
      finishedAt: null,
    });
    const found = unwrap(await shared.executor.getProcess({ processId }));
    expect(found.process.state).toBe('running');
    unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGKILL' }));
    await ended(shared.executor, processId);
  });

  it('lists what runs and what has ended', async () => {
    const running = await start(shared.executor, { command: 'sleep 300' });
    const done = await start(shared.executor, { command: 'exit 5' });
    await ended(shared.executor, done.processId);
    const { processes } = unwrap(await shared.executor.listProcesses());
    const states = new Map(processes.map((process) => [process.processId, process]));
    expect(states.get(running.processId)).toMatchObject({ state: 'running' });
    expect(states.get(done.processId)).toMatchObject({ state: 'exited', exitCode: 5 });
    unwrap(await shared.executor.signalProcess({ processId: running.processId, signal: 'SIGKILL' }));
  });

  it('runs on when the signal of the call that started it aborts', async () => {
    const abort = new AbortController();
    const processId = shared.freshName();
    const request = { command: 'cat', processId, isBackground: true };
    await run(shared.executor, request, { signal: abort.signal });
    abort.abort();
    unwrap(await shared.executor.writeStdin({ processId, data: 'alive', end: true }));
    expect(await ended(shared.executor, processId)).toMatchObject({ state: 'exited', outputEnd: 5 });
  });

  it('ends by its timeout', async () => {
    const info = await start(shared.executor, { command: 'sleep 300', timeoutMs: 200 });
    expect(await ended(shared.executor, info.processId)).toMatchObject({ state: 'timed-out' });
  });

  it('ends when it has been quiet for too long', async () => {
    const info = await start(shared.executor, { command: 'sleep 300', noOutputTimeoutMs: 200 });
    expect(await ended(shared.executor, info.processId)).toMatchObject({ state: 'timed-out' });
  });

  it('is started once under one id', async () => {
    const at = await shared.place();
    const request = { command: 'echo ran >> f', cwd: at, processId: shared.freshName() };
    await start(shared.executor, request);
    await start(shared.executor, request);
    await ended(shared.executor, request.processId);
    expect(await textOf(shared, `${at}/f`)).toBe('ran\n');
  });
}

function input(shared: SharedSubject): void {
  it('takes input in pieces, then its end', async () => {
    const { processId } = await start(shared.executor, { command: 'cat' });
    unwrap(await shared.executor.writeStdin({ processId, data: 'one\n' }));
    await untilWritten(shared.executor, processId, 'one\n');
    unwrap(await shared.executor.writeStdin({ processId, data: 'zw\u00f6lf\n', end: true }));
    expect(await ended(shared.executor, processId)).toMatchObject({ state: 'exited', exitCode: 0 });
    const frames = await framesOf(shared.executor.readOutput({ processId }));
    expect(outputOf(frames).toString()).toBe('one\nzw\u00f6lf\n');
  });

  it('takes the end of input alone', async () => {
    const { processId } = await start(shared.executor, { command: 'cat; echo after' });
    unwrap(await shared.executor.writeStdin({ processId, data: '', end: true }));
    await untilWritten(shared.executor, processId, 'after');
  });

  it('gives the input that came with the start', async () => {
    const { processId } = await start(shared.executor, { command: 'cat', stdin: 'given' });
    expect(await ended(shared.executor, processId)).toMatchObject({ exitCode: 0, outputEnd: 5 });
  });

  it('refuses input after its end: VALIDATION_FAILED', async () => {
    const { processId } = await start(shared.executor, { command: 'cat; sleep 300' });
    unwrap(await shared.executor.writeStdin({ processId, data: '', end: true }));
    expectFailure(await shared.executor.writeStdin({ processId, data: 'x' }), 'VALIDATION_FAILED');
    unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGKILL' }));
  });

  it('refuses input for a process that has ended: PROCESS_NOT_RUNNING', async () => {
    const { processId } = await start(shared.executor, { command: 'true' });
    await ended(shared.executor, processId);
    expectFailure(await shared.executor.writeStdin({ processId, data: 'x' }), 'PROCESS_NOT_RUNNING');
  });

  it('takes input once under one idempotency key', async () => {
    const { processId } = await start(shared.executor, { command: 'cat' });
    const key = { idempotencyKey: `stdin-${processId}` };
    unwrap(await shared.executor.writeStdin({ processId, data: 'once\n' }, key));
    unwrap(await shared.executor.writeStdin({ processId, data: 'once\n' }, key));
    unwrap(await shared.executor.writeStdin({ processId, data: '', end: true }));
    expect(await ended(shared.executor, processId)).toMatchObject({ outputEnd: 5 });
  });
}

function signals(shared: SharedSubject): void {
  it.each(['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)(
    'ends by %s and says so',
    async (signal) => {
      const { processId } = await start(shared.executor, { command: 'echo up; sleep 300' });
      await untilWritten(shared.executor, processId, 'up');
      unwrap(await shared.executor.signalProcess({ processId, signal }));
      const info = await ended(shared.executor, processId);
      expect(info).toMatchObject({ state: 'signaled', signal, exitCode: null });
    },
  );

  it('ends by SIGQUIT what does not ignore it, as shells do', async () => {
    const { processId } = await start(shared.executor, { command: 'sleep 300' });
    await until(async () => {
      await shared.executor.signalProcess({ processId, signal: 'SIGQUIT' });
      return unwrap(await shared.executor.getProcess({ processId })).process.state !== 'running';
    }, 'the end by SIGQUIT');
    const info = await ended(shared.executor, processId);
    expect(info).toMatchObject({ state: 'signaled', signal: 'SIGQUIT', exitCode: null });
  });

  it('stops and goes on by SIGSTOP and SIGCONT', async () => {
    const { processId } = await start(shared.executor, { command: 'cat' });
    unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGSTOP' }));
    unwrap(await shared.executor.writeStdin({ processId, data: 'later', end: true }));
    expect(unwrap(await shared.executor.getProcess({ processId })).process.state).toBe('running');
    unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGCONT' }));
    expect(await ended(shared.executor, processId)).toMatchObject({ exitCode: 0, outputEnd: 5 });
  });

  it('refuses to signal a process that has ended: PROCESS_NOT_RUNNING', async () => {
    const { processId } = await start(shared.executor, { command: 'true' });
    await ended(shared.executor, processId);
    const result = await shared.executor.signalProcess({ processId, signal: 'SIGTERM' });
    expectFailure(result, 'PROCESS_NOT_RUNNING');
  });

  it('keeps what a process wrote before it was ended', async () => {
    const { processId } = await start(shared.executor, { command: 'echo kept; sleep 300' });
    await untilWritten(shared.executor, processId, 'kept');
    unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGKILL' }));
    await ended(shared.executor, processId);
    expect(outputOf(await framesOf(shared.executor.readOutput({ processId }))).toString()).toBe('kept\n');
  });
}

function terminals(shared: SharedSubject): void {
  it('runs on a terminal, or says that it cannot: UNSUPPORTED', async () => {
    const request = { command: 'echo hi', pty: { columns: 80, rows: 24 } };
    if (!shared.capabilities.pty) {
      expectFailure(await shared.executor.executeCommand(request), 'UNSUPPORTED');
      return;
    }
    const result = await run(shared.executor, request);
    expect(result).toMatchObject({ stdout: 'hi\r\n', stderr: '', process: { isPty: true, exitCode: 0 } });
  });

  it('refuses to resize a process that has no terminal: UNSUPPORTED', async () => {
    const { processId } = await start(shared.executor, { command: 'sleep 300' });
    const result = await shared.executor.resizeTerminal({ processId, columns: 10, rows: 10 });
    expectFailure(result, 'UNSUPPORTED');
    unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGKILL' }));
  });

  it('refuses a terminal of no size: VALIDATION_FAILED', async () => {
    const pty = { columns: 0, rows: 24 };
    expectFailure(await shared.executor.executeCommand({ command: 'true', pty }), 'VALIDATION_FAILED');
  });
}

function realTerminals(shared: SharedSubject): void {
  const pty = { columns: 101, rows: 33 };
  const onTerminals = (name: string, test: () => Promise<void>): void => {
    it(`${name}, where there are terminals`, async () => {
      if (shared.capabilities.pty) await test();
    });
  };

  onTerminals('tells programs that they are on a terminal of the given size', async () => {
    const result = await run(shared.executor, { command: 'test -t 0 && test -t 1 && stty size', pty });
    expect(result).toMatchObject({ stdout: '33 101\r\n', process: { exitCode: 0 } });
  });

  onTerminals('marks all output as that of the terminal', async () => {
    const { process } = await run(shared.executor, { command: 'echo a; echo b >&2', pty });
    const frames = await framesOf(shared.executor.readOutput({ processId: process.processId }));
    expect(frames.every((frame) => frame.type !== 'data' || frame.stream === 'pty')).toBe(true);
    expect(outputOf(frames).toString()).toBe('a\r\nb\r\n');
  });

  onTerminals('resizes a terminal', async () => {
    const { processId } = await start(shared.executor, { command: 'echo up; read -r line; stty size', pty });
    await untilWritten(shared.executor, processId, 'up');
    unwrap(await shared.executor.resizeTerminal({ processId, columns: 50, rows: 20 }));
    unwrap(await shared.executor.writeStdin({ processId, data: 'go\n' }));
    await untilWritten(shared.executor, processId, '20 50');
  });

  onTerminals('echoes what is typed and interrupts by Ctrl+C', async () => {
    const { processId } = await start(shared.executor, { command: 'echo up; exec cat', pty });
    await untilWritten(shared.executor, processId, 'up');
    unwrap(await shared.executor.writeStdin({ processId, data: 'typed\n' }));
    await untilWritten(shared.executor, processId, 'typed\r\ntyped\r\n');
    unwrap(await shared.executor.writeStdin({ processId, data: '\u0003' }));
    expect(await ended(shared.executor, processId)).toMatchObject({ state: 'signaled', signal: 'SIGINT' });
  });

  onTerminals('refuses to resize a terminal whose process has ended: PROCESS_NOT_RUNNING', async () => {
    const { process } = await run(shared.executor, { command: 'true', pty });
    const request = { processId: process.processId, columns: 10, rows: 10 };
    expectFailure(await shared.executor.resizeTerminal(request), 'PROCESS_NOT_RUNNING');
  });

  onTerminals('hangs up when the process is ended', async () => {
    const { processId } = await start(shared.executor, { command: 'sleep 300', pty });
    unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGHUP' }));
    expect(await ended(shared.executor, processId)).toMatchObject({ state: 'signaled', signal: 'SIGHUP' });
  });
}

function unknownProcesses(shared: SharedSubject): void {
  const processId = 'nobody-started-this';

  it('knows no process that nobody started: PROCESS_NOT_FOUND', async () => {
    const { executor } = shared;
    expectFailure(await executor.getProcess({ processId }), 'PROCESS_NOT_FOUND');
    expectFailure(await executor.writeStdin({ processId, data: 'x' }), 'PROCESS_NOT_FOUND');
    expectFailure(await executor.signalProcess({ processId, signal: 'SIGTERM' }), 'PROCESS_NOT_FOUND');
    expectFailure(await executor.resizeTerminal({ processId, columns: 9, rows: 9 }), 'PROCESS_NOT_FOUND');
  });

  it('reads of an unknown process an error alone: PROCESS_NOT_FOUND', async () => {
    const frames = await framesOf(shared.executor.readOutput({ processId }));
    expect(frames).toMatchObject([{ type: 'error', error: { code: 'PROCESS_NOT_FOUND' } }]);
  });

  it('refuses ids that are none: VALIDATION_FAILED', async () => {
    expectFailure(await shared.executor.getProcess({ processId: 'a/b' }), 'VALIDATION_FAILED');
    const frames = await framesOf(shared.executor.readOutput({ processId: '' }));
    expect(frames).toMatchObject([{ type: 'error', error: { code: 'VALIDATION_FAILED' } }]);
  });

  it.each([
    ['listProcesses', (signal: AbortSignal) => shared.executor.listProcesses({ signal })],
    ['getProcess', (signal: AbortSignal) => shared.executor.getProcess({ processId }, { signal })],
    ['writeStdin', (signal: AbortSignal) => shared.executor.writeStdin({ processId, data: '' }, { signal })],
    [
      'signalProcess',
      (signal: AbortSignal) => shared.executor.signalProcess({ processId, signal: 'SIGTERM' }, { signal }),
    ],
    [
      'resizeTerminal',
      (signal: AbortSignal) => shared.executor.resizeTerminal({ processId, columns: 1, rows: 1 }, { signal }),
    ],
  ])('does nothing once its signal is aborted: %s, CANCELLED', async (_name, call) => {
    const result: { success: true } | { success: false; error: { code: string } } = await call(
      AbortSignal.abort(),
    );
    expect(result).toMatchObject({ success: false, error: { code: 'CANCELLED' } });
  });

  it('has no running process left once all were ended', async () => {
    const { executor } = shared;
    const { processes } = unwrap(await executor.listProcesses());
    const running = processes.filter(({ state }) => state === 'running');
    await Promise.all(
      running.map(({ processId: id }) => executor.signalProcess({ processId: id, signal: 'SIGKILL' })),
    );
    await until(async () => {
      const listed = unwrap(await executor.listProcesses());
      return listed.processes.every(({ state }) => state !== 'running');
    }, 'the end of all processes');
  });
}
