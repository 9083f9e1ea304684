import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ToolCallPart, ToolOutcome } from '@shadow/protocol';
import { Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { prometheusToolMetrics } from '../../src/agent/tools/metrics.ts';
import { redactValues } from '../../src/agent/tools/redact.ts';
import { createMemoryTask, type MemoryTask, type RunOptions } from './support/memory-turn.ts';

async function makeTask(): Promise<MemoryTask> {
  const task = await createMemoryTask();
  onTestFinished(() => task[Symbol.asyncDispose]());
  return task;
}

function call(tool: string, input: unknown, toolCallId = 'call-1'): ToolCallPart {
  return { type: 'tool-call', toolCallId, tool, input };
}

async function resultOf(task: MemoryTask, part: ToolCallPart, options: RunOptions = {}) {
  const resolution = await task.gate(options).callTool(part, new AbortController().signal);
  if (resolution.type !== 'result') throw new Error('expected a result');
  return resolution.result;
}

const noCapabilities = {
  pty: false,
  suspend: false,
  taskResources: false,
  codebaseSearch: false,
  limits: 'none',
  diskLimits: false,
  isolation: 'none',
  raceSafePaths: false,
} as const;

const write = call('writeFile', { path: 'new.txt', content: 'hello\n' });
const command = call('executeCommand', { command: 'echo out; echo err >&2; exit 3' });

describe('every call', () => {
  it('leaves a row, a call event and a result event', async () => {
    const task = await makeTask();
    const result = await resultOf(task, call('readFile', { path: 'src/index.js' }));
    expect(result).toMatchObject({ isError: false, toolCallId: 'call-1', tool: 'readFile' });
    expect(result.output).toContain("1\texport { formatDuration } from './format-duration.js';");
    expect(task.events).toMatchObject([
      { type: 'tool-call', toolCallId: 'call-1', executionId: 'execution', target: 'src/index.js' },
      { type: 'tool-result', outcome: 'succeeded', summary: '2 lines', error: null },
    ]);
    expect(task.rows.get('call-1')).toMatchObject({
      decision: 'allow',
      outcome: 'succeeded',
      tool: 'readFile',
    });
  });

  it('is measured by tool and outcome', async () => {
    const task = await makeTask();
    const registry = new Registry();
    const services = { metrics: prometheusToolMetrics(registry) };
    await resultOf(task, call('readFile', { path: 'README.md' }), { services });
    await resultOf(task, call('inventedByTheModel', {}, 'call-2'), { services });
    const text = await registry.metrics();
    expect(text).toContain('shadow_tool_call_duration_seconds_count{tool="readFile",outcome="succeeded"} 1');
    expect(text).toContain('shadow_tool_call_duration_seconds_count{tool="unknown",outcome="invalid"} 1');
  });

  it('keeps known secrets out of events, rows and what the model is told', async () => {
    const task = await makeTask();
    const services = { redact: redactValues(['sk-very-secret', 'ab']) };
    const secret = call('executeCommand', { command: 'echo sk-very-secret about' });
    const result = await resultOf(task, secret, { services });
    expect(result.output).toContain('[redacted] about');
    expect(JSON.stringify([task.events, [...task.rows.values()], result])).not.toContain('sk-very-secret');
  });

  it('bounds the preview of its event to 8 KiB without splitting a character', async () => {
    const task = await makeTask();
    await resultOf(
      task,
      call('executeCommand', { command: 'node -e "process.stdout.write(\'€\'.repeat(9000))"' }),
    );
    const preview = task.eventsOf('tool-result')[0]?.preview ?? '';
    expect(Buffer.byteLength(preview)).toBeLessThanOrEqual(8192);
    expect(Buffer.byteLength(preview)).toBeGreaterThan(8180);
    expect(preview.endsWith('€')).toBe(true);
  });

  it('fails with INTERNAL and a log line when a tool throws', async () => {
    const task = await makeTask();
    const logged: string[] = [];
    const services = { log: { error: (_: object, message: string) => logged.push(message) } };
    const executor = {
      deleteFile: async () => {
        throw new Error('a bug');
      },
    };
    const result = await resultOf(task, call('deleteFile', { path: 'a' }), { services, executor });
    expect(result.output).not.toContain('a bug');
    expect(result).toMatchObject({ isError: true });
    expect(task.eventsOf('tool-result')[0]).toMatchObject({ outcome: 'failed', error: { code: 'INTERNAL' } });
    expect(logged).toEqual(['a tool threw']);
  });
});

describe('malformed calls', () => {
  it.each<[string, ToolCallPart, string]>([
    ['an unknown tool', call('formatDisk', {}), 'There is no tool "formatDisk"'],
    ['arguments that are no JSON', call('readFile', '{"path": "a'), 'not valid JSON'],
    ['arguments that do not fit', call('readFile', { path: 7 }), 'path'],
    ['missing arguments', call('searchReplace', { path: 'a' }), 'oldText'],
    ['no arguments at all', call('readFile', undefined), 'path'],
  ])('answers %s with the reason, so that the model can mend it', async (_, part, reason) => {
    const task = await makeTask();
    const result = await resultOf(task, part);
    expect(result.isError).toBe(true);
    expect(result.output).toContain(reason);
    expect(task.eventsOf('tool-result')[0]).toMatchObject({
      outcome: 'invalid',
      error: { code: 'VALIDATION_FAILED' },
    });
  });

  it('takes arguments that came as JSON text', async () => {
    const task = await makeTask();
    expect(await resultOf(task, call('readFile', '{"path":"README.md"}'))).toMatchObject({ isError: false });
  });
});

describe('plan mode', () => {
  it('offers reads and the todo list only', async () => {
    const task = await makeTask();
    const names = task.gate({ mode: 'plan' }).tools.map((tool) => tool.name);
    expect(names).toContain('grepSearch');
    expect(names).toContain('todoWrite');
    expect(names).not.toContain('writeFile');
    expect(names).not.toContain('executeCommand');
  });

  it.each([write, command])('denies $tool although the model asks for it', async (part) => {
    const task = await makeTask();
    const result = await resultOf(task, part, { mode: 'plan' });
    expect(result.output).toContain('plan mode');
    expect(task.rows.get('call-1')).toMatchObject({ decision: 'deny', outcome: 'denied' });
    await expect(stat(join(task.directory, 'new.txt'))).rejects.toThrow('ENOENT');
  });
});

describe('ask mode', () => {
  it('reads without a question', async () => {
    const task = await makeTask();
    await resultOf(task, call('readFile', { path: 'README.md' }), { mode: 'ask' });
    expect(task.approvals.size).toBe(0);
  });

  it.each([write, command])('stores a question for $tool once, however often it is called', async (part) => {
    const task = await makeTask();
    const { signal } = new AbortController();
    const gate = task.gate({ mode: 'ask' });
    expect(await gate.callTool(part, signal)).toEqual({ type: 'awaiting-approval' });
    expect(await gate.callTool(part, signal)).toEqual({ type: 'awaiting-approval' });
    expect(task.events.map((event) => event.type)).toEqual(['tool-call', 'approval-requested']);
    expect(task.rows.get('call-1')).toMatchObject({ decision: 'ask' });
  });

  it('runs the call once it is allowed, without a second call event', async () => {
    const task = await makeTask();
    await task.gate({ mode: 'ask' }).callTool(write, new AbortController().signal);
    task.approvals.set('call-1', { id: 'a', status: 'allowed', scope: 'once', note: null });
    expect(await resultOf(task, write, { mode: 'ask' })).toMatchObject({ isError: false });
    expect(await readFile(join(task.directory, 'new.txt'), 'utf8')).toBe('hello\n');
    expect(task.eventsOf('tool-call')).toHaveLength(1);
    expect(task.eventsOf('tool-result')[0]).toMatchObject({ additions: 1, deletions: 0 });
  });

  it("tells the model the person's words when it is denied", async () => {
    const task = await makeTask();
    task.approvals.set('call-1', { id: 'a', status: 'denied', scope: 'once', note: 'use another name' });
    const result = await resultOf(task, write, { mode: 'ask' });
    expect(result.output).toContain('use another name');
    expect(task.eventsOf('tool-result')[0]?.outcome).toBe('denied');
  });

  it('does not run a call whose question expired', async () => {
    const task = await makeTask();
    task.approvals.set('call-1', { id: 'a', status: 'expired', scope: null, note: null });
    expect(await resultOf(task, write, { mode: 'ask' })).toMatchObject({ isError: true });
  });

  it('asks no more for a tool that is allowed for the task', async () => {
    const task = await makeTask();
    task.allowedTools.add('writeFile');
    expect(await resultOf(task, write, { mode: 'ask' })).toMatchObject({ isError: false });
    expect(await task.gate({ mode: 'ask' }).callTool(command, new AbortController().signal)).toEqual({
      type: 'awaiting-approval',
    });
  });
});

describe('auto mode and the command policy', () => {
  const services = {
    commandPolicy: (line: string) =>
      line.startsWith('sudo')
        ? { decision: 'deny' as const, reason: 'sudo is not allowed here' }
        : line.startsWith('curl')
          ? { decision: 'ask' as const, reason: 'curl reaches the network' }
          : { decision: 'allow' as const, reason: '' },
  };

  it('runs what the policy allows and reports a non-zero exit as a success with its code', async () => {
    const task = await makeTask();
    const result = await resultOf(task, command, { services });
    expect(result).toMatchObject({ isError: false });
    expect(result.output).toBe('Exit code 3.\n\nstdout:\nout\n\nstderr:\nerr');
    expect(task.eventsOf('tool-process')).toEqual([
      { type: 'tool-process', toolCallId: 'call-1', processId: 'call-1' },
    ]);
    expect(task.eventsOf('tool-result')[0]).toMatchObject({
      outcome: 'succeeded' satisfies ToolOutcome,
      summary: expect.stringMatching(/ · exit 3$/),
      exitCode: 3,
      processId: 'call-1',
    });
  });

  it('denies what the policy denies, even where a person allowed the tool', async () => {
    const task = await makeTask();
    task.allowedTools.add('executeCommand');
    task.approvals.set('call-1', { id: 'a', status: 'allowed', scope: 'task', note: null });
    const sudo = call('executeCommand', { command: 'sudo id' });
    for (const mode of ['auto', 'ask'] as const) {
      expect((await resultOf(task, sudo, { mode, services })).output).toContain('sudo is not allowed here');
    }
  });

  it('asks about what the policy flags, even where the tool is allowed for the task', async () => {
    const task = await makeTask();
    task.allowedTools.add('executeCommand');
    const curl = call('executeCommand', { command: 'curl --version' });
    const { signal } = new AbortController();
    expect(await task.gate({ mode: 'ask', services }).callTool(curl, signal)).toEqual({
      type: 'awaiting-approval',
    });
    expect(task.eventsOf('approval-requested')[0]?.approval.reason).toBe('curl reaches the network');
  });

  it('is the one of the workspace unless another is given', async () => {
    const task = await makeTask();
    const result = await resultOf(task, call('executeCommand', { command: 'echo a && sudo -n true' }));
    expect(task.eventsOf('tool-result')[0]).toMatchObject({ outcome: 'denied' });
    expect(result.output).toContain('Denied: ');
  });

  it('does not ask in auto mode', async () => {
    const task = await makeTask();
    const curl = call('executeCommand', { command: 'curl --no-such-option' });
    await resultOf(task, curl, { services });
    expect(task.approvals.size).toBe(0);
  });
});

describe('stopping', () => {
  it('does not begin a call after the stop', async () => {
    const task = await makeTask();
    const resolution = await task.gate().callTool(write, AbortSignal.abort());
    expect(resolution).toMatchObject({ type: 'result', result: { isError: true } });
    expect(task.rows.get('call-1')).toMatchObject({ outcome: 'cancelled', errorCode: 'CANCELLED' });
    await expect(stat(join(task.directory, 'new.txt'))).rejects.toThrow('ENOENT');
  });

  it('asks no question after the stop', async () => {
    const task = await makeTask();
    await task.gate({ mode: 'ask' }).callTool(write, AbortSignal.abort());
    expect(task.approvals.size).toBe(0);
    expect(task.rows.get('call-1')).toMatchObject({ outcome: 'cancelled' });
  });

  it('ends a running command and keeps what it wrote', async () => {
    const task = await makeTask();
    const controller = new AbortController();
    const { promise: started, resolve } = Promise.withResolvers<void>();
    const append = task.journal.append;
    task.journal.append = async (...events) => {
      await append(...events);
      if (events.some((event) => event.type === 'tool-process')) resolve();
    };
    const running = task.gate().callTool(call('executeCommand', { command: 'sleep 600' }), controller.signal);
    await started;
    controller.abort();
    expect(await running).toMatchObject({ result: { isError: true } });
    expect(task.eventsOf('tool-result')[0]).toMatchObject({ outcome: 'cancelled', processId: 'call-1' });
  });
});

describe('the tools', () => {
  it('offer a search by meaning only where the executor has one', async () => {
    const task = await makeTask();
    const without = { capabilities: { ...noCapabilities, codebaseSearch: false } };
    const withIt = { capabilities: { ...noCapabilities, codebaseSearch: true } };
    const namesWith = (executor: RunOptions['executor']) =>
      task.gate(executor === undefined ? {} : { executor }).tools.map((tool) => tool.name);
    expect(namesWith(without)).not.toContain('codebaseSearch');
    expect(namesWith(withIt)).toContain('codebaseSearch');
    const resolution = await task
      .gate({ executor: without })
      .callTool(call('codebaseSearch', { query: 'x' }), new AbortController().signal);
    expect(resolution).toMatchObject({ result: { isError: true } });
  });

  it('show snippets of a search by meaning with their places', async () => {
    const task = await makeTask();
    const snippet = { path: 'a.ts', startLine: 7, endLine: 8, symbol: 'f', content: 'one\ntwo', score: 1 };
    const outputOf = async (index: { complete: boolean; full: boolean }) => {
      const executor = {
        capabilities: { ...noCapabilities, codebaseSearch: true },
        codebaseSearch: async () => ({
          success: true as const,
          snippets: [snippet],
          filesIndexed: 3,
          ...index,
        }),
      };
      return (await resultOf(task, call('codebaseSearch', { query: 'where is f?' }), { executor })).output;
    };
    const found = 'a.ts:7-8 (f)\n7\tone\n8\ttwo';
    expect(await outputOf({ complete: true, full: false })).toBe(found);
    expect(await outputOf({ complete: false, full: false })).toBe(
      `${found}\n[the index is still being built: 3 files so far]`,
    );
    expect(await outputOf({ complete: false, full: true })).toBe(
      `${found}\n[the index has no room for all of the code, only for 3 files: grepSearch finds the rest]`,
    );
  });

  it('read a range of lines and say how to go on', async () => {
    const task = await makeTask();
    const result = await resultOf(task, call('readFile', { path: 'README.md', startLine: 1, endLine: 3 }));
    expect(result.output).toMatch(
      /^1\t# pocket-duration\n2\t\n3\t.*\n\[lines 1-3 of \d+; go on with startLine 4\]$/,
    );
  });

  it('bound long files and lines, and say what is left out', async () => {
    const task = await makeTask();
    const lines = Array.from({ length: 5000 }, (_, index) => `line ${index + 1} ${'x'.repeat(60)}`);
    await writeFile(join(task.directory, 'big'), lines.join('\n'));
    await writeFile(join(task.directory, 'wide'), 'y'.repeat(300_000));
    await writeFile(join(task.directory, 'empty'), '');
    const big = await resultOf(task, call('readFile', { path: 'big' }, 'a'));
    expect(big.output).toMatch(
      /\[cut because of its size; lines 1-(\d+) of 5000; go on with startLine \d+\]$/,
    );
    const end = await resultOf(task, call('readFile', { path: 'big', startLine: 4999 }, 'b'));
    expect(end.output.split('\n')).toHaveLength(2);
    const wide = await resultOf(task, call('readFile', { path: 'wide' }, 'c'));
    expect(wide.output.length).toBeLessThan(3000);
    expect(wide.output).toContain('the rest of line 1 is left out');
    expect((await resultOf(task, call('readFile', { path: 'empty' }, 'd'))).output).toBe(
      '(the file is empty)',
    );
  });

  it('keep head and tail of long output', async () => {
    const task = await makeTask();
    const result = await resultOf(task, call('executeCommand', { command: 'seq 1 100000' }));
    expect(result.output).toMatch(/^Exit code 0\.\n\nstdout:\n1\n2\n/);
    expect(result.output).toMatch(/\n99999\n100000$/);
    expect(result.output.length).toBeLessThan(30_000);
  });

  it('stay inside the workspace', async () => {
    const task = await makeTask();
    const result = await resultOf(task, call('readFile', { path: '../../etc/passwd' }));
    expect(result.output).toContain('PATH_OUTSIDE_WORKSPACE');
  });

  it('find, list and grep', async () => {
    const task = await makeTask();
    const listed = await resultOf(task, call('listDirectory', { recursive: true }, 'a'));
    expect(listed.output).toContain('src/\nsrc/format-duration.js  (');
    const found = await resultOf(task, call('searchFiles', { query: 'units' }, 'b'));
    expect(found.output).toBe('src/units.js');
    const matches = await resultOf(task, call('grepSearch', { pattern: 'const PART' }, 'c'));
    expect(matches.output).toMatch(/^src\/parse-duration.js\n3: const PART = /);
    expect(task.eventsOf('tool-result').map((event) => event.summary)).toEqual([
      expect.stringMatching(/^\d+ entries$/),
      '1 file',
      '1 match · 1 file',
    ]);
  });

  it('change, replace and delete files', async () => {
    const task = await makeTask();
    const path = 'src/units.js';
    await resultOf(task, call('searchReplace', { path, oldText: 's: 1_000', newText: 's: 1000' }, 'a'));
    expect(await readFile(join(task.directory, path), 'utf8')).toContain('s: 1000,');
    const missed = await resultOf(
      task,
      call('searchReplace', { path, oldText: 'nowhere', newText: '' }, 'b'),
    );
    expect(missed.output).toContain('TEXT_NOT_FOUND');
    await resultOf(task, call('deleteFile', { path }, 'c'));
    await expect(stat(join(task.directory, path))).rejects.toThrow('ENOENT');
    expect(task.eventsOf('tool-result').map((event) => event.outcome)).toEqual([
      'succeeded',
      'failed',
      'succeeded',
    ]);
  });

  it('keep the todo list as an event', async () => {
    const task = await makeTask();
    const items = [
      { text: 'a', status: 'completed' as const },
      { text: 'b', status: 'pending' as const },
    ];
    await resultOf(task, call('todoWrite', { items }));
    expect(task.eventsOf('todo')).toEqual([{ type: 'todo', items }]);
    expect(task.eventsOf('tool-call')[0]?.target).toBe('1/2 done');
  });

  it('start a process in the background and read its output', async () => {
    const task = await makeTask();
    const background = { command: 'echo ready', isBackground: true };
    const gate = task.gate();
    const { signal } = new AbortController();
    const started = await gate.callTool(call('executeCommand', background, 'bg'), signal);
    expect(started).toMatchObject({ result: { isError: false } });
    const read = await gate.callTool(call('readOutput', { processId: 'bg', waitSeconds: 30 }, 'r'), signal);
    expect(read).toMatchObject({ result: { output: expect.stringContaining('ready') } });
    const unknown = await gate.callTool(call('readOutput', { processId: 'no' }, 'u'), signal);
    expect(unknown).toMatchObject({ result: { output: expect.stringContaining('PROCESS_NOT_FOUND') } });
  });

  it('end a command that runs longer than allowed', async () => {
    const task = await makeTask();
    const slow = call('executeCommand', { command: 'echo begun; sleep 600', timeoutSeconds: 0.3 });
    const result = await resultOf(task, slow);
    expect(result).toMatchObject({ isError: true, output: expect.stringContaining('longer than allowed') });
    expect(task.eventsOf('tool-result')[0]).toMatchObject({ outcome: 'failed' });
  });
});
