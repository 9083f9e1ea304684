import type { FileDiff, TaskEventBody } from '@shadow/protocol';
import { addTask, appendEvents, type FixtureState, type FixtureTask } from './fixture-state.ts';

const HOUR = 3_600_000;

/** A tool call with its result. */
export function toolCall(
  id: string,
  tool: string,
  target: string,
  input: unknown,
  result: Partial<Extract<TaskEventBody, { type: 'tool-result' }>> = {},
): TaskEventBody[] {
  return [
    { type: 'tool-call', toolCallId: id, executionId: 'execution-1', tool, target, input },
    {
      type: 'tool-result',
      toolCallId: id,
      tool,
      outcome: 'succeeded',
      summary: '',
      preview: '',
      durationMs: 12,
      processId: null,
      exitCode: null,
      additions: null,
      deletions: null,
      error: null,
      ...result,
    },
  ];
}

/** The start of every task: status, prompt, a prepared workspace, a running turn. */
export function opening(prompt: string): TaskEventBody[] {
  return [
    { type: 'status', status: 'initializing', error: null },
    { type: 'user-message', messageId: 'first', text: prompt },
    {
      type: 'init-step',
      name: 'PREPARE_WORKSPACE',
      status: 'running',
      attempt: 1,
      durationMs: null,
      error: null,
    },
    { type: 'init-log', name: 'PREPARE_WORKSPACE', text: 'Mirror is fresh\nChecked out main at 4f1c2aa\n' },
    {
      type: 'init-step',
      name: 'PREPARE_WORKSPACE',
      status: 'completed',
      attempt: 1,
      durationMs: 184,
      error: null,
    },
    {
      type: 'workspace',
      branch: 'shadow/durations-4k2',
      baseBranch: 'main',
      baseCommit: '4f1c2aa'.padEnd(40, '0'),
    },
    { type: 'status', status: 'running', error: null },
    {
      type: 'turn-started',
      executionId: 'execution-1',
      runner: 'ai-sdk',
      model: 'anthropic/claude-sonnet-5',
      resumed: false,
    },
  ];
}

const FAILURE = [
  '\u001b[1m> durations@1.4.0 test\u001b[0m',
  '> node --test',
  '',
  '\u001b[32m✔\u001b[0m parses seconds (0.41ms)',
  '\u001b[32m✔\u001b[0m parses minutes (0.12ms)',
  '\u001b[31m✖\u001b[0m parses compound durations (1.02ms)',
  '  AssertionError: 1h30m',
  '  + actual - expected',
  '  \u001b[31m+ 3600000\u001b[0m',
  '  \u001b[32m- 5400000\u001b[0m',
  '      at test/parse.test.js:21:10',
  '',
  'ℹ tests 9   ℹ pass 8   ℹ fail 1',
  '',
].join('\n');

const SUCCESS = '✔ 11 tests passed in 84ms\n';

const OLD_LOOP = `  const match = PATTERN.exec(text);
  if (match === null) return null;
  return Number(match[1]) * UNITS[match[2]];`;

const NEW_LOOP = `  let total = 0;
  let end = 0;
  for (const match of text.matchAll(PATTERN)) {
    if (match.index !== end) return null;
    total += Number(match[1]) * UNITS[match[2]];
    end = match.index + match[0].length;
  }
  return end === text.length && end > 0 ? total : null;`;

const DIFF: FileDiff[] = [
  {
    path: 'src/parse.js',
    status: 'modified',
    additions: 11,
    deletions: 5,
    binary: false,
    truncated: false,
    patch: `diff --git a/src/parse.js b/src/parse.js
index 1c0d5e1..8a0ad2b 100644
--- a/src/parse.js
+++ b/src/parse.js
@@ -1,16 +1,21 @@
-const UNITS = { s: 1000, m: 60_000, h: 3_600_000 };
-const PATTERN = /^(\\d+)([smh])$/;
+const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
+const PATTERN = /(\\d+)(ms|[smhd])/g;
 
 /**
  * Parses a duration such as "90s" or "1h30m".
  * @returns milliseconds, or null when the text is no duration
  */
 export function parseDuration(text) {
-  const match = PATTERN.exec(text);
-  if (match === null) return null;
-  return Number(match[1]) * UNITS[match[2]];
+  let total = 0;
+  let end = 0;
+  for (const match of text.matchAll(PATTERN)) {
+    if (match.index !== end) return null;
+    total += Number(match[1]) * UNITS[match[2]];
+    end = match.index + match[0].length;
+  }
+  return end === text.length && end > 0 ? total : null;
 }
 
 export function formatDuration(ms) {
   return ms < 1000 ? \`\${ms} ms\` : \`\${ms / 1000} s\`;
 }
`,
  },
  {
    path: 'test/parse.test.js',
    status: 'modified',
    additions: 8,
    deletions: 0,
    binary: false,
    truncated: false,
    patch: `diff --git a/test/parse.test.js b/test/parse.test.js
index 77aa2f0..0c4b1de 100644
--- a/test/parse.test.js
+++ b/test/parse.test.js
@@ -20,3 +20,11 @@ test('parses minutes', () => {
 test('parses compound durations', () => {
   assert.equal(parseDuration('1h30m'), 5_400_000);
 });
+
+test('refuses what only begins as a duration', () => {
+  assert.equal(parseDuration('5m later'), null);
+});
+
+test('parses days', () => {
+  assert.equal(parseDuration('2d'), 172_800_000);
+});
`,
  },
  {
    path: 'package-lock.json',
    status: 'modified',
    additions: 412,
    deletions: 96,
    binary: false,
    truncated: false,
    patch:
      'diff --git a/package-lock.json b/package-lock.json\n--- a/package-lock.json\n+++ b/package-lock.json\n@@ -1,1 +1,1 @@\n-{}\n+{ }\n',
  },
];

/** A task in the middle of its work, with one of everything. */
export function addStory(state: FixtureState): FixtureTask {
  const story = addTask(state, {
    id: 'story',
    title: 'Parse compound durations',
    repository: '/srv/projects/durations',
    model: 'anthropic/claude-sonnet-5',
    permissionMode: 'ask',
    budgetUsd: 2,
    additions: 19,
    deletions: 5,
    createdAt: new Date(Date.now() - 6 * 60_000).toISOString(),
  });
  story.processes.set('p1', { command: 'npm test', output: new TextEncoder().encode(FAILURE), exitCode: 1 });
  story.processes.set('p2', { command: 'npm test', output: new TextEncoder().encode(SUCCESS), exitCode: 0 });
  story.files = DIFF;
  const total = {
    inputTokens: 41_200,
    outputTokens: 3180,
    cachedTokens: 30_400,
    reasoningTokens: 640,
    costUsd: 0.19,
  };
  const at = new Date(0).toISOString();
  story.executions = [
    {
      id: 'execution-1',
      taskId: 'story',
      status: 'running',
      runner: 'ai-sdk',
      model: 'anthropic/claude-sonnet-5',
      usage: total,
      stepsCount: 7,
      toolCallsCount: 9,
      error: null,
      queuedAt: at,
      startedAt: at,
      finishedAt: new Date(74_000).toISOString(),
    },
  ];
  appendEvents(story, [
    ...opening(
      '`parseDuration("1h30m")` returns one hour. It should add up all parts, and refuse text that only begins like a duration.',
    ),
    {
      type: 'message-delta',
      messageId: 'a1',
      kind: 'reasoning',
      text: 'The pattern is anchored, so a compound duration cannot match.\nI should look at the parser and its tests first.',
    },
    {
      type: 'message-delta',
      messageId: 'a1',
      kind: 'text',
      text: "I'll look at the parser and what its tests say first.",
    },
    ...toolCall('c1', 'listDirectory', '.', {}, { summary: '9 entries' }),
    ...toolCall('c2', 'readFile', 'src/parse.js', {}, { summary: '15 lines' }),
    ...toolCall('c3', 'readFile', 'test/parse.test.js', {}, { summary: '22 lines' }),
    ...toolCall('c4', 'grepSearch', 'parseDuration\\(', {}, { summary: '6 matches in 3 files' }),
    {
      type: 'todo',
      items: [
        { text: 'Reproduce the failure', status: 'completed' },
        { text: 'Parse all parts of a duration', status: 'completed' },
        { text: 'Refuse trailing text', status: 'in-progress' },
        { text: 'Run the tests and commit', status: 'pending' },
      ],
    },
    {
      type: 'tool-call',
      toolCallId: 'c5',
      executionId: 'execution-1',
      tool: 'executeCommand',
      target: 'npm test',
      input: { command: 'npm test' },
    },
    { type: 'tool-process', toolCallId: 'c5', processId: 'p1' },
    ...toolCall(
      'c5',
      'executeCommand',
      'npm test',
      {},
      { summary: '412 ms · exit 1', processId: 'p1', exitCode: 1, preview: FAILURE },
    ).slice(1),
    {
      type: 'message-delta',
      messageId: 'a2',
      kind: 'text',
      text: 'The failure is real. `PATTERN` is anchored to a single part, so `1h30m` never matches as a whole. The fix:\n\n- match **every** part with `matchAll`,\n- require the parts to be adjacent and to reach the end, so that `5m later` is refused,\n- accept `ms` and `d` while at it.',
    },
    ...toolCall(
      'c6',
      'searchReplace',
      'src/parse.js',
      { path: 'src/parse.js', oldText: OLD_LOOP, newText: NEW_LOOP },
      { summary: '+8 −3', additions: 8, deletions: 3 },
    ),
    ...toolCall(
      'c7',
      'writeFile',
      'test/parse.test.js',
      { path: 'test/parse.test.js', content: "import test from 'node:test';\n" },
      { summary: '+8 −0', additions: 8, deletions: 0 },
    ),
    { type: 'cost', executionId: 'execution-1', step: total, total },
    { type: 'notice', level: 'info', message: 'Anthropic asks to wait: 429, going on in 4 s.' },
    {
      type: 'tool-call',
      toolCallId: 'c8',
      executionId: 'execution-1',
      tool: 'executeCommand',
      target: 'npm test',
      input: { command: 'npm test' },
    },
    { type: 'tool-process', toolCallId: 'c8', processId: 'p2' },
    ...toolCall(
      'c8',
      'executeCommand',
      'npm test',
      {},
      { summary: '388 ms · exit 0', processId: 'p2', exitCode: 0, preview: SUCCESS },
    ).slice(1),
  ]);
  return story;
}

/** Ends the story with a question. */
export function askForApproval(story: FixtureTask): TaskEventBody[] {
  const input = { command: 'git push --dry-run origin HEAD && npm publish --dry-run' };
  const approval = {
    id: 'approval-1',
    taskId: story.task.id,
    executionId: 'execution-1',
    toolCallId: 'c9',
    tool: 'executeCommand',
    input,
    reason: 'Ask mode: commands need your approval. This one reaches the network.',
    status: 'pending' as const,
    scope: null,
    note: null,
    createdAt: new Date(0).toISOString(),
  };
  story.approvals.push(approval);
  return [
    {
      type: 'tool-call',
      toolCallId: 'c9',
      executionId: 'execution-1',
      tool: 'executeCommand',
      target: input.command,
      input,
    },
    { type: 'approval-requested', approval },
    { type: 'status', status: 'awaiting-approval', error: null },
  ];
}

/** Fills the sidebar with tasks in every group. */
export function addNeighbours(state: FixtureState): void {
  const ago = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString();
  const cost = (costUsd: number) => ({
    inputTokens: 1,
    outputTokens: 1,
    cachedTokens: 0,
    reasoningTokens: 0,
    costUsd,
  });
  addTask(state, {
    id: 'n8',
    title: 'Remove the legacy build flags',
    status: 'stopped',
    createdAt: ago(72),
    usage: cost(0.04),
  });
  addTask(state, {
    id: 'n7',
    title: 'Type the event emitter',
    status: 'ready-for-review',
    additions: 142,
    deletions: 61,
    createdAt: ago(26),
    usage: cost(0.62),
  });
  addTask(state, {
    id: 'n6',
    title: 'Explain the build pipeline in docs/build.md',
    status: 'ready-for-review',
    additions: 88,
    deletions: 0,
    createdAt: ago(5),
    usage: cost(0.21),
  });
  addTask(state, {
    id: 'n5',
    title: 'Cache the dependency graph between runs',
    status: 'queued',
    createdAt: ago(0.3),
  });
  addTask(state, {
    id: 'n4',
    title: 'Flaky test: retries a stale lock',
    status: 'failed',
    createdAt: ago(2),
    error: { code: 'PROVIDER_AUTH_FAILED', message: 'The provider refused the key (401).' },
  });
}
