import type { Approval, TaskEventBody } from '@shadow/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { emptyTaskView, reduceEvents, reduceTask, type TaskView } from '../src/index.ts';
import { AT, numbered, USAGE } from './support/events.ts';

type Body<Type extends TaskEventBody['type']> = Extract<TaskEventBody, { type: Type }>;

function viewOf(...bodies: TaskEventBody[]): TaskView {
  return reduceEvents(emptyTaskView(), numbered(bodies));
}

function delta(text: string, kind: 'text' | 'reasoning' = 'text', messageId = 'm1'): TaskEventBody {
  return { type: 'message-delta', messageId, kind, text };
}

function call(toolCallId: string, tool = 'executeCommand'): TaskEventBody {
  return {
    type: 'tool-call',
    toolCallId,
    executionId: 'e1',
    tool,
    target: 'npm test',
    input: { command: 'npm test' },
  };
}

function result(toolCallId: string, change: Partial<Body<'tool-result'>> = {}): TaskEventBody {
  const nothing = { processId: null, exitCode: null, additions: null, deletions: null, error: null };
  const told = {
    tool: 'executeCommand',
    outcome: 'succeeded',
    summary: '4 ms · exit 0',
    preview: 'ok',
    durationMs: 4,
  } as const;
  return { type: 'tool-result', toolCallId, ...told, ...nothing, ...change };
}

function finished(status: Body<'turn-finished'>['status']): TaskEventBody {
  return { type: 'turn-finished', executionId: 'e1', status, usage: USAGE, durationMs: 9, error: null };
}

function approval(status: Approval['status']): Approval {
  const about = { taskId: 't', executionId: 'e1', toolCallId: 'c1', tool: 'executeCommand', input: {} };
  return { id: 'a1', ...about, reason: 'asks', status, scope: null, note: null, createdAt: AT };
}

const started: TaskEventBody = {
  type: 'turn-started',
  executionId: 'e1',
  runner: 'scripted',
  model: 'demo',
  resumed: false,
};

const rows = (view: TaskView) => [...view.timeline];

it('joins the pieces of a message and says whether more may come', () => {
  const streaming = viewOf(delta('Hel'), delta('lo'));
  expect(rows(streaming)).toMatchObject([{ kind: 'text', text: 'Hello', streaming: true }]);
  const whole = viewOf(delta('Hel'), delta('lo'), {
    type: 'message-finished',
    messageId: 'm1',
    complete: true,
  });
  expect(rows(whole)).toMatchObject([{ text: 'Hello', streaming: false, complete: true }]);
});

it('keeps the order in which a message reasoned, spoke, called a tool and spoke again', () => {
  const view = viewOf(delta('hm', 'reasoning'), delta('I look'), call('c1'), result('c1'), delta('Done'));
  expect(rows(view).map((item) => item.kind)).toEqual(['reasoning', 'text', 'tool-call', 'text']);
  expect(rows(view).map((item) => ('streaming' in item ? item.streaming : null))).toEqual([
    false,
    false,
    null,
    true,
  ]);
});

it('does not part a message at a notice that comes in between', () => {
  const view = viewOf(delta('Hel'), { type: 'notice', level: 'warning', message: 'slow' }, delta('lo'));
  expect(rows(view)).toMatchObject([{ text: 'Hello' }, { kind: 'notice', message: 'slow' }]);
});

it('fills the row of a call with its process and its result', () => {
  const process: TaskEventBody = { type: 'tool-process', toolCallId: 'c1', processId: 'p1' };
  expect(rows(viewOf(call('c1'), process))).toMatchObject([
    { state: 'running', processId: 'p1', target: 'npm test' },
  ]);
  const view = viewOf(call('c1'), process, result('c1', { exitCode: 1, additions: 2 }));
  expect(rows(view)).toMatchObject([{ state: 'succeeded', processId: 'p1', exitCode: 1, additions: 2 }]);
  expect(view.filesRevision).toBe(1);
});

it('gives a result without a call a row of its own', () => {
  expect(rows(viewOf(result('c1', { outcome: 'invalid' })))).toMatchObject([
    { id: 'call:c1', state: 'invalid' },
  ]);
});

it('holds a question until it is answered and keeps one row for the resumed call', () => {
  const asked = [started, call('c1'), { type: 'approval-requested', approval: approval('pending') } as const];
  const waiting = viewOf(...asked, finished('awaiting-approval'));
  expect(waiting.pendingApprovals).toHaveLength(1);
  expect(waiting.turn).toBeNull();
  expect(rows(waiting)).toMatchObject([{ state: 'awaiting-approval' }]);
  const answered = { type: 'approval-answered', approval: approval('allowed') } as const;
  const resumed = viewOf(
    ...asked,
    finished('awaiting-approval'),
    answered,
    started,
    call('c1'),
    result('c1'),
  );
  expect(resumed.pendingApprovals).toEqual([]);
  expect(rows(resumed)).toMatchObject([{ state: 'succeeded', approval: { status: 'allowed' } }]);
});

it.each([
  ['stopped', 'cancelled'],
  ['interrupted', 'lost'],
] as const)('leaves nothing running when a turn ends as %s', (status, state) => {
  const view = viewOf(started, call('c1'), delta('half a'), finished(status));
  expect(rows(view)).toMatchObject([
    { state },
    { streaming: false, complete: false },
    { kind: 'turn-finished', status },
  ]);
  const bare = viewOf(started, call('c1'), { type: 'status', status, error: null });
  expect([bare.turn, rows(bare)]).toMatchObject([null, [{ state }]]);
});

it('keeps one row a preparation step, with its log and its last attempt', () => {
  const step = { type: 'init-step', name: 'PREPARE_WORKSPACE', durationMs: null, error: null } as const;
  const view = viewOf(
    { ...step, status: 'running', attempt: 1 },
    { type: 'init-log', name: 'PREPARE_WORKSPACE', text: 'cloning\n' },
    { ...step, status: 'failed', attempt: 1, error: { code: 'GIT_FAILED', message: 'no' } },
    { ...step, status: 'completed', attempt: 2, durationMs: 12 },
  );
  const done = { status: 'completed', attempt: 2, durationMs: 12, error: null, log: 'cloning\n' };
  expect(rows(view)).toMatchObject([done]);
});

it('keeps the newest part of a step’s long log', () => {
  const piece: TaskEventBody = { type: 'init-log', name: 'SETUP', text: 'x'.repeat(50_000) };
  const view = viewOf(piece, piece, piece, { ...piece, text: 'the end' });
  const [step] = rows(view);
  expect(step?.kind === 'init-step' && step.log.length < 131_072 && step.log.endsWith('the end')).toBe(true);
});

it('carries the facts of the task', () => {
  const view = viewOf(
    { type: 'workspace', branch: 'shadow/x', baseBranch: 'main', baseCommit: 'abc' },
    { type: 'title', title: 'Fix it' },
    { type: 'user-message', messageId: 'u1', text: 'fix' },
    { type: 'todo', items: [{ text: 'one', status: 'pending' }] },
    { type: 'cost', executionId: 'e1', step: USAGE, total: { ...USAGE, costUsd: 0.5 } },
    { type: 'fs-change', paths: ['a'], truncated: false },
    { type: 'commit', commit: 'def', subject: 's', additions: 1, deletions: 0, filesChanged: 1 },
    { type: 'status', status: 'failed', error: { code: 'PROVIDER_AUTH_FAILED', message: 'bad key' } },
  );
  expect(view).toMatchObject({
    branch: 'shadow/x',
    baseBranch: 'main',
    baseCommit: 'abc',
    headCommit: 'def',
  });
  expect(view).toMatchObject({ title: 'Fix it', filesRevision: 2, status: 'failed', lastSeq: 8 });
  expect([view.todo.length, view.usage.costUsd, view.error?.code]).toEqual([1, 0.5, 'PROVIDER_AUTH_FAILED']);
  expect(rows(view).map((item) => item.kind)).toEqual(['user-message', 'commit']);
});

const AnyBody: fc.Arbitrary<TaskEventBody> = fc.oneof(
  fc
    .tuple(fc.string(), fc.constantFrom('text' as const, 'reasoning' as const), fc.constantFrom('m1', 'm2'))
    .map(([text, kind, messageId]) => delta(text, kind, messageId)),
  fc.constantFrom('c1', 'c2', 'c3').map((id) => call(id)),
  fc.constantFrom('c1', 'c2', 'c3').map((id) => result(id)),
  fc.constantFrom<TaskEventBody[]>(
    started,
    finished('completed'),
    finished('awaiting-approval'),
    { type: 'message-finished', messageId: 'm1', complete: true },
    { type: 'approval-requested', approval: approval('pending') },
    { type: 'approval-answered', approval: approval('denied') },
    { type: 'notice', level: 'info', message: 'n' },
    { type: 'status', status: 'stopped', error: null },
  ),
);

const plain = (view: TaskView) => ({ ...view, timeline: rows(view) });

it('changes no earlier view, counts no event twice, and rows keep their identity until they change', () => {
  const property = fc.property(fc.array(AnyBody, { maxLength: 120 }), fc.nat(), (bodies, at) => {
    const events = numbered(bodies);
    const views = [emptyTaskView()];
    const snapshots = [plain(emptyTaskView())];
    for (const event of events) {
      const last = views.at(-1) ?? emptyTaskView();
      const next = reduceTask(last, event);
      expect(reduceTask(next, event)).toBe(next);
      const same = rows(last).filter((item, index) => next.timeline.at(index) === item).length;
      expect(last.timeline.length - same).toBeLessThanOrEqual(4);
      views.push(next);
      snapshots.push(plain(next));
    }
    expect(views.map(plain)).toEqual(snapshots);
    // From any earlier view the same events lead to the same place, though the hints are shared.
    const start = at % (events.length + 1);
    const again = reduceEvents(views[start] ?? emptyTaskView(), events);
    expect(plain(again)).toEqual(snapshots.at(-1));
    expect(new Set(rows(again).map(({ id }) => id)).size).toBe(again.timeline.length);
  });
  fc.assert(property, { numRuns: 60 });
});

it('finds rows after two continuations of one view went different ways', () => {
  const shared = viewOf(call('c1'));
  const left = reduceEvents(
    shared,
    numbered([{ type: 'notice', level: 'info', message: 'n' }, call('c2')], 2),
  );
  reduceEvents(shared, numbered([call('c2')], 2));
  const done = reduceEvents(left, numbered([result('c2')], 4));
  expect(rows(done)).toMatchObject([
    { state: 'running' },
    { kind: 'notice' },
    { id: 'call:c2', state: 'succeeded' },
  ]);
});

it('shares all but a path with the view before, however long the task', () => {
  const bodies = Array.from({ length: 40_000 }, (_, index) => call(`c${index}`, 'readFile'));
  const results = bodies.map((_, index) => result(`c${index}`));
  const view = reduceEvents(
    emptyTaskView(),
    numbered(bodies.flatMap((body, i) => [body, results[i] ?? body])),
  );
  expect(view.timeline.length).toBe(40_000);
  expect(view.timeline.at(39_999)).toMatchObject({ id: 'call:c39999', state: 'succeeded' });
  expect(view.timeline.at(40_000)).toBeUndefined();
});
