import { type OutputFrame, type ProcessInfo, unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { outputOf, run, textOf } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** `executeCommand` in the foreground. */
export function runningCommands(shared: SharedSubject): void {
  outcomes(shared);
  shellLines(shared);
  surroundings(shared);
  watchingOutput(shared);
  resultBounds(shared);
}

function outcomes(shared: SharedSubject): void {
  it('gives what a command wrote, and its exit code', async () => {
    const result = await run(shared.executor, 'echo hello');
    expect(result).toMatchObject({
      stdout: 'hello\n',
      stderr: '',
      stdoutTruncated: false,
      stderrTruncated: false,
      process: { state: 'exited', exitCode: 0, signal: null, command: 'echo hello', isPty: false },
    });
    expect(result.process.finishedAt).not.toBeNull();
    expect(result.durationMs).toBeGreaterThanOrEqual(0);
  });

  it('keeps standard error apart', async () => {
    const result = await run(shared.executor, 'echo out; echo err >&2');
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
  });

  it.each([
    ['exit 3', 3],
    ['false', 1],
    ['exit 255', 255],
    ['true', 0],
  ])('takes any exit code for a success of the call: %s', async (command, exitCode) => {
    const result = await run(shared.executor, command);
    expect(result.process).toMatchObject({ state: 'exited', exitCode, signal: null });
  });

  it('keeps the output of a command that failed', async () => {
    const result = await run(shared.executor, 'echo before; cat no-such-file; exit 7');
    expect(result).toMatchObject({ stdout: 'before\n', process: { exitCode: 7 } });
    expect(result.stderr).toContain('no-such-file');
  });

  it('says that a program does not exist by exit code 127', async () => {
    const result = await run(shared.executor, 'no-such-program-anywhere --flag');
    expect(result.process.exitCode).toBe(127);
    expect(result.stderr).toContain('no-such-program-anywhere');
  });

  it('runs the programs of the system, or knows a handful only when it is simulated', async () => {
    const result = await run(shared.executor, 'uname');
    if (shared.hasRealShell)
      expect(result).toMatchObject({ stdout: /./, process: { exitCode: 0 } } as object);
    else expect(result.process.exitCode).toBe(127);
  });

  it('ends at once although it was given no input', async () => {
    expect(await run(shared.executor, 'cat')).toMatchObject({ stdout: '', process: { exitCode: 0 } });
  });
}

function shellLines(shared: SharedSubject): void {
  it.each([
    ['one command after the other', 'echo a; echo b', 'a\nb\n', 0],
    ['the next one only after success', 'true && echo yes; false && echo no', 'yes\n', 1],
    ['the next one only after failure', 'false || echo yes; true || echo no', 'yes\n', 0],
    ['lines as commands', 'echo a\necho b\n', 'a\nb\n', 0],
    ['single quotes as they are', `echo '$HOME "x" \\n;'`, '$HOME "x" \\n;\n', 0],
    ['double quotes with variables', `X=1; echo "[$X  \${X}]"`, '[1  1]\n', 0],
    ['a backslash before a space', 'echo a\\ \\ b', 'a  b\n', 0],
    ['the last exit code as $?', 'false; echo $?', '1\n', 0],
    ['a pipe', 'echo through | cat', 'through\n', 0],
    ['comments', 'echo a # not this', 'a\n', 0],
    ['printf with its format', `printf '%s-%d|' a 1 b 2`, 'a-1|b-2|', 0],
    ['echo without a line end', 'echo -n x', 'x', 0],
    ['exit as the end of the line', 'echo a; exit 4; echo b', 'a\n', 4],
    ['Unicode', 'echo "日本語 👩‍💻"', '日本語 👩‍💻\n', 0],
  ])('runs %s', async (_what, command, stdout, exitCode) => {
    expect(await run(shared.executor, command)).toMatchObject({ stdout, process: { exitCode } });
  });

  it('writes files that file operations see, and reads those they wrote', async () => {
    const at = await shared.place();
    await run(shared.executor, { command: 'echo one > f; echo two >> f', cwd: at });
    expect(await textOf(shared, `${at}/f`)).toBe('one\ntwo\n');
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'three\n' }));
    expect((await run(shared.executor, { command: 'cat f', cwd: at })).stdout).toBe('three\n');
  });

  it('lists a directory', async () => {
    const at = await shared.place({ b: '', 'a/x': '' });
    expect((await run(shared.executor, { command: 'ls', cwd: at })).stdout).toBe('a\nb\n');
  });

  it('sends standard error where standard output goes', async () => {
    const result = await run(shared.executor, 'cat no-such-file 2>&1');
    expect(result.stderr).toBe('');
    expect(result.stdout).toContain('no-such-file');
  });
}

function surroundings(shared: SharedSubject): void {
  it('runs in the root unless told otherwise', async () => {
    const result = await run(shared.executor, 'pwd');
    expect(result.stdout).toBe(`${shared.root}\n`);
    expect(result.process.cwd).toBe(shared.root);
  });

  it('runs in the directory it is told', async () => {
    const at = await shared.place({ 'sub dir/f': 'here\n' });
    const result = await run(shared.executor, { command: 'pwd; cat f', cwd: `${at}/sub dir` });
    expect(result.stdout).toBe(`${shared.root}/${at}/sub dir\nhere\n`);
  });

  it('adds the given variables to the environment', async () => {
    const env = { GREETING: 'hé "llo" $x', EMPTY: '' };
    const result = await run(shared.executor, { command: 'echo "$GREETING|$EMPTY|"', env });
    expect(result.stdout).toBe('hé "llo" $x||\n');
  });

  it('gives the input and closes it', async () => {
    const result = await run(shared.executor, { command: 'cat', stdin: 'line 1\nläst' });
    expect(result.stdout).toBe('line 1\nläst');
  });

  it('gives megabytes of input', async () => {
    const stdin = '0123456789abcde\n'.repeat(100_000);
    const result = await run(shared.executor, { command: 'cat > from-input.txt', stdin });
    expect(result.process.exitCode).toBe(0);
    expect((await textOf(shared, 'from-input.txt')) === stdin).toBe(true);
    unwrap(await shared.executor.deleteFile({ path: 'from-input.txt' }));
  });
}

function watchingOutput(shared: SharedSubject): void {
  it('tells that it runs before any output, then each piece by its offset', async () => {
    const seen: (ProcessInfo | OutputFrame)[] = [];
    const result = await run(shared.executor, 'echo one; echo two >&2; echo three', {
      onStarted: (process) => seen.push(process),
      onOutput: (frame) => seen.push(frame),
    });
    expect(seen[0]).toMatchObject({ processId: result.process.processId, state: 'running' });
    const frames = seen.slice(1) as OutputFrame[];
    expect(outputOf(frames).toString()).toHaveLength('one\ntwo\nthree\n'.length);
    const onStderr = frames.filter((frame) => frame.type === 'data' && frame.stream === 'stderr');
    expect(onStderr).toHaveLength(1);
    expect(result.process.outputEnd).toBe(14);
  });

  it('tells of output while the command still runs', async () => {
    const abort = new AbortController();
    const result = await run(shared.executor, 'echo early; sleep 300', {
      signal: abort.signal,
      onOutput: () => abort.abort(),
    });
    expect(result).toMatchObject({ stdout: 'early\n', process: { state: 'cancelled' } });
  });
}

function resultBounds(shared: SharedSubject): void {
  it('keeps head and tail of long output and says how much is left out', async () => {
    const at = await shared.place({ f: `begin\n${'x'.repeat(300_000)}\nend\n` });
    const result = await run(shared.executor, { command: 'cat f', cwd: at });
    expect(result.stdoutTruncated).toBe(true);
    expect(result.stdout.startsWith('begin\n')).toBe(true);
    expect(result.stdout.endsWith('\nend\n')).toBe(true);
    expect(result.stdout).toMatch(/\[\.\.\. \d+ bytes left out \.\.\.\]/);
    expect(result.stdout.length).toBeLessThan(66_000);
    expect(result.process.outputEnd).toBe(300_011);
  });

  it('keeps as much of each stream as it is told', async () => {
    const result = await run(shared.executor, { command: 'echo 0123456789; echo e >&2', maxResultBytes: 4 });
    expect(result).toMatchObject({ stdoutTruncated: true, stderr: 'e\n', stderrTruncated: false });
    expect(result.stdout).toMatch(/^01\n\[.*\]\n9\n$/);
  });

  it('keeps nothing when told to', async () => {
    const result = await run(shared.executor, { command: 'echo text', maxResultBytes: 0 });
    expect(result.stdout).not.toContain('text');
    expect(result.stdoutTruncated).toBe(true);
  });

  it('cuts no character in two', async () => {
    const at = await shared.place({ f: 'ä'.repeat(1000) });
    const result = await run(shared.executor, { command: 'cat f', cwd: at, maxResultBytes: 101 });
    expect(result.stdout).not.toContain('\ufffd');
  });
}
