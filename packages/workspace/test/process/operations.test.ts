import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessOperations } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInProcessHost, type ProcessHost } from '../../src/host/index.ts';
import { createProcessOperations } from '../../src/process/index.ts';
import { bytesOf, collect, makeSandbox, membersOf, run, type Sandbox, until } from './harness.ts';

let sandbox: Sandbox;
let host: ProcessHost;
let operations: ProcessOperations;

beforeAll(async () => {
  sandbox = makeSandbox();
  host = await createInProcessHost();
  operations = createProcessOperations(sandbox.context, host);
});

afterAll(async () => {
  await host.close();
  sandbox[Symbol.dispose]();
});

describe('a foreground command', () => {
  it('gives both streams and the exit code', async () => {
    const result = await run(operations, 'echo out; echo err >&2; exit 7');
    expect(result).toMatchObject({
      stdout: 'out\n',
      stderr: 'err\n',
      stdoutTruncated: false,
      stderrTruncated: false,
      process: {
        state: 'exited',
        exitCode: 7,
        signal: null,
        isBackground: false,
        isPty: false,
        outputEnd: 8,
      },
    });
  });

  it('reports a signal as a signal', async () => {
    const result = await run(operations, 'kill -KILL $$');
    expect(result.process).toMatchObject({ state: 'signaled', exitCode: null, signal: 'SIGKILL' });
  });

  it('runs in the workspace with only the environment it is given', async () => {
    const result = await run(operations, { command: 'pwd; env', env: { GIVEN: 'a b' } });
    expect(result.stdout.split('\n')[0]).toBe(sandbox.context.root);
    const names = result.stdout
      .split('\n')
      .slice(1)
      .map((line) => line.split('=')[0]);
    expect(new Set(names)).toEqual(
      new Set(['PATH', 'HOME', 'LANG', 'GIVEN', 'PWD', 'SHLVL', '_', 'SHADOW_PROCESS_ID', '']),
    );
    expect(result.stdout).toContain('GIVEN=a b\n');
  });

  it('runs in a directory of the workspace, and refuses any other', async () => {
    mkdirSync(join(sandbox.context.root, 'inner'));
    symlinkSync('/etc', join(sandbox.context.root, 'leaving'));
    writeFileSync(join(sandbox.context.root, 'plain'), '');
    expect((await run(operations, { command: 'pwd', cwd: 'inner' })).stdout).toBe(
      `${sandbox.context.root}/inner\n`,
    );
    const codes = await Promise.all(
      ['..', '/etc', 'leaving', '../nowhere', 'leaving/nowhere', 'missing', 'plain', 'plain/x'].map(
        async (cwd) => {
          const result = await operations.executeCommand({ command: 'pwd', cwd });
          return result.success ? 'success' : result.error.code;
        },
      ),
    );
    // What is outside is refused whether it is there or not.
    expect(codes).toEqual([
      'PATH_OUTSIDE_WORKSPACE',
      'PATH_OUTSIDE_WORKSPACE',
      'PATH_OUTSIDE_WORKSPACE',
      'PATH_OUTSIDE_WORKSPACE',
      'PATH_OUTSIDE_WORKSPACE',
      'FILE_NOT_FOUND',
      'NOT_A_DIRECTORY',
      'NOT_A_DIRECTORY',
    ]);
  });

  it('is given its standard input, or none', async () => {
    expect((await run(operations, { command: 'cat', stdin: 'héllo\n' })).stdout).toBe('héllo\n');
    expect((await run(operations, { command: 'cat', stdin: '' })).stdout).toBe('');
    expect((await run(operations, 'cat; echo done')).stdout).toBe('done\n');
  });

  it('is not disturbed by input that nobody reads', async () => {
    const result = await run(operations, { command: 'exec 0<&-; echo ok', stdin: 'x'.repeat(1_000_000) });
    expect(result).toMatchObject({ stdout: 'ok\n', process: { exitCode: 0 } });
  });

  it('tells its start before its output, and its output as it comes', async () => {
    const seen: string[] = [];
    const result = await run(operations, 'echo a; echo b >&2', {
      onStarted: ({ state }) => seen.push(`started ${state}`),
      onOutput: ({ stream, data }) => seen.push(`${stream} ${Buffer.from(data)}`),
    });
    expect(seen[0]).toBe('started running');
    expect(new Set(seen.slice(1))).toEqual(new Set(['stdout a\n', 'stderr b\n']));
    expect(result.durationMs).toBeGreaterThan(0);
  });

  it('keeps head and tail of long output, whole characters only', async () => {
    const result = await run(operations, {
      command: 'printf "é%.0s" {1..1000}; echo -n end',
      maxResultBytes: 101,
    });
    expect(result.stdoutTruncated).toBe(true);
    expect(result.stdout).toMatch(/^é+\n\[\.\.\. \d+ bytes left out \.\.\.\]\né+end$/);
    expect(result.stdout).not.toContain('\ufffd');
    expect(result.stderrTruncated).toBe(false);
    const none = await run(operations, { command: 'echo x', maxResultBytes: 0 });
    expect(none.stdoutTruncated).toBe(true);
  });

  it('decodes characters whose bytes come apart', async () => {
    const command = String.raw`printf '\xe2\x82'; echo x >&2; printf '\xac'`;
    expect((await run(operations, command)).stdout).toBe('€');
  });

  it('keeps binary output byte for byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) & 0xff));
    writeFileSync(join(sandbox.context.root, 'binary'), bytes);
    const { process } = await run(operations, 'cat binary');
    const frames = await collect(operations.readOutput({ processId: process.processId }));
    expect(Buffer.compare(bytesOf(frames), bytes)).toBe(0);
  });

  it('runs a line as it is, quotes, newlines and 64 KiB included', async () => {
    expect((await run(operations, 'echo \'a\nb\' "$((1+1))"')).stdout).toBe('a\nb 2\n');
    const long = `echo ${'x'.repeat(65_000)} | wc -c`;
    expect((await run(operations, long)).stdout.trim()).toBe('65001');
  });

  it('fails as data when the shell cannot be started', async () => {
    const result = await operations.executeCommand({
      command: 'true',
      env: Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`X${index}`, 'x'.repeat(131_000)])),
    });
    expect(result).toMatchObject({ success: false, error: { code: 'SPAWN_FAILED' } });
  });

  it.each([
    { command: '' },
    { command: 'x'.repeat(65_537) },
    { command: 'ls', timeoutMs: 0 },
    { command: 'ls', processId: 'a/b' },
    { command: 'ls', cwd: 'a\0b' },
    { command: 'ls', env: { 'A=B': 'x' } },
  ])('refuses a request that is none: %j', async (request) => {
    expect(await operations.executeCommand(request)).toMatchObject({
      success: false,
      error: { code: 'VALIDATION_FAILED' },
    });
  });

  it('serves many at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) => run(operations, `echo ${index}; exit ${index}`)),
    );
    expect(results.map(({ stdout, process }) => [stdout, process.exitCode])).toEqual(
      Array.from({ length: 40 }, (_, index) => [`${index}\n`, index]),
    );
  });
});

describe('the end of a command', () => {
  it('comes by its timeout, the whole group with it', async () => {
    const result = await run(operations, {
      command: 'echo before; sleep 1000 & (sleep 1000; true) & sleep 1000',
      timeoutMs: 300,
    });
    expect(result).toMatchObject({ stdout: 'before\n', process: { state: 'timed-out' } });
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('comes by KILL where TERM is ignored', async () => {
    const result = await run(operations, {
      command: 'trap "" TERM; echo deaf; while true; do sleep 0.05; done',
      timeoutMs: 300,
    });
    expect(result).toMatchObject({
      stdout: 'deaf\n',
      process: { state: 'timed-out', exitCode: null, signal: 'SIGKILL' },
    });
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('is still a timeout when the command leaves in good order after TERM', async () => {
    const result = await run(operations, {
      command: 'trap "echo bye; exit 0" TERM; while true; do sleep 0.02; done',
      timeoutMs: 300,
    });
    expect(result).toMatchObject({ stdout: 'bye\n', process: { state: 'timed-out', exitCode: 0 } });
  });

  it('comes by the lack of output, which any output puts off', async () => {
    const result = await run(operations, {
      command: 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done; sleep 1000',
      noOutputTimeoutMs: 1000,
    });
    expect(result).toMatchObject({ stdout: '1\n2\n3\n4\n5\n6\n', process: { state: 'timed-out' } });
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('comes by cancellation, its output kept', async () => {
    const abort = new AbortController();
    const result = await run(operations, 'echo before; sleep 1000', {
      signal: abort.signal,
      onOutput: () => abort.abort(),
    });
    expect(result).toMatchObject({ stdout: 'before\n', process: { state: 'cancelled' } });
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('is CANCELLED before its start', async () => {
    const result = await operations.executeCommand(
      { command: 'touch never' },
      { signal: AbortSignal.abort() },
    );
    expect(result).toMatchObject({ success: false, error: { code: 'CANCELLED' } });
    expect(existsSync(join(sandbox.context.root, 'never'))).toBe(false);
  });

  it('does not wait for a grandchild that holds the output open', async () => {
    const result = await run(operations, 'sleep 1000 & echo done');
    expect(result).toMatchObject({ stdout: 'done\n', process: { state: 'exited', exitCode: 0 } });
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('takes grandchildren along that job control gave groups of their own', async () => {
    const result = await run(operations, 'set -m; sleep 1000 & sleep 1000 & echo done');
    expect(result.stdout).toContain('done\n');
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('takes a stopped group along', async () => {
    const result = await run(operations, { command: 'kill -STOP $$; echo never', timeoutMs: 200 });
    expect(result.process.state).toBe('timed-out');
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('lets what the shell leaves behind finish its output', async () => {
    const result = await run(operations, 'echo one > >(sleep 0.05; cat)');
    expect(result.stdout).toBe('one\n');
  });

  it('gives up on output that a process outside the group holds open', async () => {
    const result = await run(operations, 'setsid sleep 30 & echo $!; sleep 0.1');
    expect(result.process).toMatchObject({ state: 'exited', exitCode: 0 });
    const escaped = Number(result.stdout);
    if (membersOf(escaped).length > 0) process.kill(escaped, 'SIGKILL');
  });
});

describe('a background process', () => {
  it('returns at once and is followed by offset', async () => {
    const { process, stdout } = await run(operations, {
      command: 'for i in 1 2 3; do echo line $i; done; read x; echo got $x',
      isBackground: true,
    });
    expect([process.state, process.isBackground, stdout]).toEqual(['running', true, '']);
    const following = collect(operations.readOutput({ processId: process.processId, follow: true }));
    const written = await operations.writeStdin({ processId: process.processId, data: 'input\n', end: true });
    expect(written).toEqual({ success: true });
    const frames = await following;
    expect(bytesOf(frames).toString()).toBe('line 1\nline 2\nline 3\ngot input\n');
    expect(frames.at(-1)).toMatchObject({
      type: 'end',
      offset: 31,
      process: { state: 'exited', exitCode: 0 },
    });
    const tail = await collect(operations.readOutput({ processId: process.processId, fromOffset: 21 }));
    expect(bytesOf(tail, 21).toString()).toBe('got input\n');
    const piece = await collect(
      operations.readOutput({ processId: process.processId, fromOffset: 5, maxBytes: 3 }),
    );
    expect(bytesOf(piece, 5).toString()).toBe('1\nl');
    expect(piece.at(-1)).toMatchObject({ type: 'end', offset: 8 });
  });

  it('has no timeout of its own, but may be given one', async () => {
    const { process } = await run(operations, { command: 'sleep 1000', isBackground: true, timeoutMs: 100 });
    const frames = await collect(operations.readOutput({ processId: process.processId, follow: true }));
    expect(frames.at(-1)).toMatchObject({ type: 'end', process: { state: 'timed-out' } });
  });

  it('ends a reading without a follower at the present end', async () => {
    const { process } = await run(operations, { command: 'echo hi; sleep 1000', isBackground: true });
    const { processId } = process;
    await until(async () => {
      const found = await operations.getProcess({ processId });
      return found.success && found.process.outputEnd === 3;
    }, 'output');
    const frames = await collect(operations.readOutput({ processId }));
    expect(bytesOf(frames).toString()).toBe('hi\n');
    expect(frames.at(-1)).toMatchObject({ type: 'end', process: { state: 'running' } });
    expect(await operations.signalProcess({ processId, signal: 'SIGTERM' })).toEqual({ success: true });
    const end = (await collect(operations.readOutput({ processId, follow: true }))).at(-1);
    expect(end).toMatchObject({ type: 'end', process: { state: 'signaled', signal: 'SIGTERM' } });
  });

  it('ends a reading, not the process, when the reader aborts', async () => {
    const { process } = await run(operations, { command: 'sleep 1000', isBackground: true });
    const abort = new AbortController();
    const reading = collect(
      operations.readOutput({ processId: process.processId, follow: true }, { signal: abort.signal }),
    );
    abort.abort();
    expect((await reading).at(-1)).toMatchObject({ type: 'error', error: { code: 'CANCELLED' } });
    expect(await operations.getProcess({ processId: process.processId })).toMatchObject({
      process: { state: 'running' },
    });
    await host.cancelProcess({ stateDir: sandbox.context.stateDir, processId: process.processId });
  });

  it('is signalled as a group', async () => {
    const { process } = await run(operations, {
      command:
        '(trap "echo inner; exit" USR1; echo ready; while true; do sleep 0.02; done) & trap : USR1; wait; wait',
      isBackground: true,
    });
    const { processId } = process;
    await until(async () => {
      const found = await operations.getProcess({ processId });
      return found.success && found.process.outputEnd >= 6;
    }, 'readiness');
    await operations.signalProcess({ processId, signal: 'SIGUSR1' });
    const frames = await collect(operations.readOutput({ processId, follow: true }));
    expect(bytesOf(frames).toString()).toMatch(/^ready\n(.*\n)*inner\n$/);
  });

  it('answers what cannot be done with a code', async () => {
    const { process } = await run(operations, 'true');
    const { processId } = process;
    const codes = await Promise.all(
      [
        operations.writeStdin({ processId, data: 'x' }),
        operations.signalProcess({ processId, signal: 'SIGTERM' }),
        operations.resizeTerminal({ processId, columns: 10, rows: 10 }),
        operations.getProcess({ processId: 'missing' }),
        operations.writeStdin({ processId: 'missing', data: 'x' }),
        operations.getProcess({ processId: 'a b' }),
        operations.listProcesses({ signal: AbortSignal.abort() }),
      ].map(async (call) => {
        const result = await call;
        return result.success ? 'success' : result.error.code;
      }),
    );
    expect(codes).toEqual([
      'PROCESS_NOT_RUNNING',
      'PROCESS_NOT_RUNNING',
      'UNSUPPORTED',
      'PROCESS_NOT_FOUND',
      'PROCESS_NOT_FOUND',
      'VALIDATION_FAILED',
      'CANCELLED',
    ]);
    expect(await collect(operations.readOutput({ processId: 'missing' }))).toMatchObject([
      { type: 'error', error: { code: 'PROCESS_NOT_FOUND' } },
    ]);
    expect(await collect(operations.readOutput({ processId: 'a b' }))).toMatchObject([
      { type: 'error', error: { code: 'VALIDATION_FAILED' } },
    ]);
  });

  it('refuses input after its input was closed', async () => {
    const { process } = await run(operations, { command: 'sleep 1000', isBackground: true, stdin: 'x' });
    const { processId } = process;
    expect(await operations.writeStdin({ processId, data: 'x' })).toMatchObject({
      error: { code: 'VALIDATION_FAILED' },
    });
    await host.cancelProcess({ stateDir: sandbox.context.stateDir, processId });
  });

  it('takes input that it does not read, and ends all the same', async () => {
    const { process } = await run(operations, { command: 'sleep 1000', isBackground: true });
    const { processId } = process;
    const writing = operations.writeStdin({ processId, data: 'x'.repeat(1_000_000) });
    await operations.signalProcess({ processId, signal: 'SIGKILL' });
    await collect(operations.readOutput({ processId, follow: true }));
    expect(await writing).toMatchObject({ success: false });
  });
});

describe('a repeated start', () => {
  it('returns the process there is, running or ended', async () => {
    const request = { processId: 'once', command: 'echo run >> count; sleep 0.1; echo out' };
    const [first, second] = await Promise.all([run(operations, request), run(operations, request)]);
    const third = await run(operations, request);
    expect([second.process.pid, third.process.pid]).toEqual([first.process.pid, first.process.pid]);
    expect([first.stdout, second.stdout, third.stdout]).toEqual(['out\n', 'out\n', 'out\n']);
    expect(readFileSync(join(sandbox.context.root, 'count'), 'utf8')).toBe('run\n');
  });

  it('runs once however many come in the same moment', async () => {
    const { stateDir, root, environment } = sandbox.context;
    await host.listProcesses({ stateDir });
    const start = {
      stateDir,
      processId: 'at-once',
      command: 'echo run >> moment',
      cwd: root,
      root,
      env: { ...environment },
      isBackground: false,
      fingerprint: 'same',
    };
    const results = await Promise.all(Array.from({ length: 12 }, () => host.startProcess(start)));
    expect(results.filter((result) => result.success && result.created)).toHaveLength(1);
    await collect(operations.readOutput({ processId: 'at-once', follow: true }));
    expect(readFileSync(join(root, 'moment'), 'utf8')).toBe('run\n');
  });

  it('is refused for another command', async () => {
    await run(operations, { processId: 'taken', command: 'true' });
    for (const other of [
      { command: 'false' },
      { command: 'true', env: { A: 'b' } },
      { command: 'true', stdin: 'x' },
    ]) {
      expect(await operations.executeCommand({ processId: 'taken', ...other })).toMatchObject({
        success: false,
        error: { code: 'IDEMPOTENCY_MISMATCH' },
      });
    }
    expect(
      await operations.executeCommand({ processId: 'taken', command: 'true', timeoutMs: 5 }),
    ).toMatchObject({
      success: true,
    });
  });

  it('under an idempotency key runs once', async () => {
    const options = { idempotencyKey: 'the same call' };
    await run(operations, 'echo x >> keyed', options);
    await run(operations, 'echo x >> keyed', options);
    expect(readFileSync(join(sandbox.context.root, 'keyed'), 'utf8')).toBe('x\n');
  });

  it('writes keyed input once', async () => {
    const { process } = await run(operations, { command: 'cat', isBackground: true });
    const { processId } = process;
    await operations.writeStdin({ processId, data: 'once\n' }, { idempotencyKey: 'w' });
    await operations.writeStdin({ processId, data: 'once\n' }, { idempotencyKey: 'w' });
    await operations.writeStdin({ processId, data: '', end: true });
    const frames = await collect(operations.readOutput({ processId, follow: true }));
    expect(bytesOf(frames).toString()).toBe('once\n');
  });
});

describe('a terminal', () => {
  it('is one for the command, of the size asked for', async () => {
    const result = await run(operations, {
      command: 'test -t 0 && test -t 1 && test -t 2 && stty size; echo err >&2; exit 5',
      pty: { columns: 90, rows: 33 },
    });
    expect(result).toMatchObject({
      stdout: '33 90\r\nerr\r\n',
      stderr: '',
      process: { isPty: true, exitCode: 5, signal: null },
    });
  });

  it('takes input, a new size and signals', async () => {
    const { process } = await run(operations, {
      command: 'echo ready; while read -r line; do stty size; echo "got $line"; done; echo bye',
      pty: { columns: 80, rows: 24 },
      isBackground: true,
    });
    const { processId } = process;
    let seen = '';
    const following = (async () => {
      for await (const frame of operations.readOutput({ processId, follow: true })) {
        if (frame.type === 'data') seen += Buffer.from(frame.data).toString();
      }
    })();
    await until(() => seen.includes('ready'), 'readiness');
    expect(await operations.resizeTerminal({ processId, columns: 101, rows: 41 })).toEqual({ success: true });
    await operations.writeStdin({ processId, data: 'hello\n' });
    await until(() => seen.includes('41 101'), 'the new size');
    await until(() => seen.includes('got hello'), 'an answer');
    await operations.writeStdin({ processId, data: '', end: true });
    await following;
    expect(seen).toContain('bye');
  });

  it('reports the signal that ended it, and leaves nobody behind', async () => {
    const { process } = await run(operations, {
      command: 'sleep 1000 & sleep 1000',
      pty: { columns: 80, rows: 24 },
      isBackground: true,
    });
    const { processId } = process;
    const signalled = await operations.signalProcess({ processId, signal: 'SIGKILL' });
    expect(signalled).toEqual({ success: true });
    const frames = await collect(operations.readOutput({ processId, follow: true }));
    expect(frames.at(-1)).toMatchObject({ type: 'end', process: { state: 'signaled', signal: 'SIGKILL' } });
    expect(membersOf(process.pid)).toEqual([]);
  });

  it('times out with everything that an interactive shell started', async () => {
    const result = await run(operations, {
      command: 'bash --norc -i -c "sleep 1000 & sleep 1000"',
      pty: { columns: 80, rows: 24 },
      timeoutMs: 500,
    });
    expect(result.process.state).toBe('timed-out');
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('loses none of a long output', async () => {
    const result = await run(operations, {
      command: 'stty -opost; seq 1 200000',
      pty: { columns: 80, rows: 24 },
      maxResultBytes: 1_048_576,
    });
    const frames = await collect(operations.readOutput({ processId: result.process.processId }));
    const expected = `${Array.from({ length: 200_000 }, (_, index) => index + 1).join('\n')}\n`;
    const hash = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
    expect(hash(bytesOf(frames))).toBe(hash(expected));
  });
});

describe('listing', () => {
  it('shows every process of the workspace and no other', async () => {
    using other = makeSandbox();
    const others = createProcessOperations(other.context, host);
    await run(others, { processId: 'mine', command: 'true' });
    const listed = await others.listProcesses();
    expect(listed).toMatchObject({ success: true, processes: [{ processId: 'mine', state: 'exited' }] });
    await host.releaseWorkspace({ stateDir: other.context.stateDir });
  });

  it('is restored by the next host, output and all', async () => {
    using own = makeSandbox();
    const first = await createInProcessHost();
    await run(createProcessOperations(own.context, first), {
      processId: 'kept',
      command: 'echo kept; exit 3',
    });
    await first.close();
    const second = await createInProcessHost();
    const again = createProcessOperations(own.context, second);
    expect(await again.getProcess({ processId: 'kept' })).toMatchObject({
      process: { state: 'exited', exitCode: 3, outputEnd: 5 },
    });
    const result = await run(again, { processId: 'kept', command: 'echo kept; exit 3' });
    expect(result.stdout).toBe('kept\n');
    await second.close();
  });

  it('ends with the host, which then takes no more', async () => {
    using own = makeSandbox();
    const ending = await createInProcessHost();
    const mine = createProcessOperations(own.context, ending);
    const { process } = await run(mine, { command: 'sleep 1000', isBackground: true });
    await ending.close();
    expect(membersOf(process.pid)).toEqual([]);
    expect(await mine.listProcesses()).toMatchObject({ error: { code: 'UNAVAILABLE' } });
  });
});

describe.runIf(process.getuid?.() === 0)('as root', () => {
  it('runs commands as the workspace user, terminals too', async () => {
    using own = makeSandbox({ runAs: { uid: 65534, gid: 65534 } });
    chmodSync(own.directory, 0o755);
    const mine = createProcessOperations(own.context, host);
    expect((await run(mine, 'id -u; id -g; id -G')).stdout).toBe('65534\n65534\n65534\n');
    const onTerminal = await run(mine, { command: 'id -u; id -g', pty: { columns: 80, rows: 24 } });
    expect(onTerminal.stdout).toBe('65534\r\n65534\r\n');
    expect((await run(mine, `ls ${own.context.stateDir}/processes`)).process.exitCode).not.toBe(0);
    const late = await run(mine, { command: 'sleep 1000', timeoutMs: 100 });
    expect(membersOf(late.process.pid)).toEqual([]);
    await host.releaseWorkspace({ stateDir: own.context.stateDir });
  });
});
