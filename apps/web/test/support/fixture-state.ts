import type {
  Approval,
  Execution,
  FileDiff,
  ModelInfo,
  ProviderSettings,
  ProviderTestResult,
  Task,
  TaskEvent,
  TaskEventBody,
  Usage,
} from '@shadow/protocol';

/** A process's output as the fixture server holds it. */
interface FixtureProcess {
  command: string;
  output: Uint8Array;
  /** Null while it runs. */
  exitCode: number | null;
}

/** Everything of one task that the fixture server knows. */
export interface FixtureTask {
  task: Task;
  events: TaskEvent[];
  executions: Execution[];
  approvals: Approval[];
  files: FileDiff[];
  processes: Map<string, FixtureProcess>;
}

/** What the fixture server answers from; tests change it. */
export interface FixtureState {
  tasks: Map<string, FixtureTask>;
  models: ModelInfo[];
  providers: ProviderSettings[];
  testResult: ProviderTestResult;
  branches: string[];
  /** Tokens that can still be exchanged. */
  tokens: Set<string>;
  signedIn: boolean;
  /** What the installation says that it can do. */
  capabilities: Record<string, boolean>;
  /** Tasks whose workspace holds work that a delete must be told to discard. */
  unsaved: Set<string>;
}

const NO_USAGE: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  reasoningTokens: 0,
  costUsd: 0,
};

/** A server with nothing on it but the demo model. */
export function emptyState(): FixtureState {
  return {
    tasks: new Map(),
    capabilities: {},
    models: [
      {
        id: 'scripted/demo',
        name: 'Demo',
        provider: 'scripted',
        available: true,
        unavailableReason: null,
        pricing: null,
      },
      {
        id: 'anthropic/claude-sonnet-5',
        name: 'Claude Sonnet 5',
        provider: 'anthropic',
        available: false,
        unavailableReason: 'Needs an Anthropic API key: add one in Settings',
        pricing: { input: 3, output: 15, cachedInput: 0.3 },
      },
    ],
    providers: (['anthropic', 'openai', 'openai-compatible'] as const).map((provider) => ({
      provider,
      keySource: 'none',
      baseUrl: null,
      configured: false,
    })),
    testResult: { ok: true, models: ['qwen3-coder:30b', 'gpt-oss:20b'], error: null },
    branches: ['main', 'next', 'release/2.x'],
    tokens: new Set(['good-token']),
    signedIn: true,
    unsaved: new Set(),
  };
}

/** Puts a task on the server; its id counts up. */
export function addTask(state: FixtureState, change: Partial<Task> = {}): FixtureTask {
  const id = change.id ?? `task-${state.tasks.size + 1}`;
  const now = new Date().toISOString();
  const task: Task = {
    id,
    title: 'A task',
    status: 'running',
    repository: 'sample',
    baseBranch: 'main',
    branch: null,
    baseCommit: null,
    headCommit: null,
    model: 'scripted/demo',
    permissionMode: 'ask',
    budgetUsd: null,
    usage: NO_USAGE,
    additions: 0,
    deletions: 0,
    lastSeq: 0,
    error: null,
    createdAt: now,
    updatedAt: now,
    ...change,
  };
  const added: FixtureTask = {
    task,
    events: [],
    executions: [],
    approvals: [],
    files: [],
    processes: new Map(),
  };
  state.tasks.set(id, added);
  return added;
}

/** Appends events to a task's log, keeps its summary in step, and returns them as readers get them. */
export function appendEvents(
  fixture: FixtureTask,
  bodies: readonly TaskEventBody[],
  at = new Date(),
): TaskEvent[] {
  return bodies.map((body) => {
    const event: TaskEvent = { seq: fixture.events.length + 1, at: at.toISOString(), ...body };
    fixture.events.push(event);
    fixture.task = { ...fixture.task, ...summaryOf(body), lastSeq: event.seq };
    return event;
  });
}

function summaryOf(body: TaskEventBody): Partial<Task> {
  if (body.type === 'status') return { status: body.status, error: body.error };
  if (body.type === 'title') return { title: body.title };
  if (body.type === 'cost') return { usage: body.total };
  if (body.type === 'workspace') return { branch: body.branch, baseCommit: body.baseCommit };
  return {};
}
