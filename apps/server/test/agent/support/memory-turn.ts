import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message, MessagePart, PermissionMode, TaskEventBody, Usage } from '@shadow/protocol';
import type {
  AgentRunner,
  GateStore,
  StoredApproval,
  ToolCallEnd,
  ToolCallStart,
  Turn,
  TurnJournal,
  TurnOutcome,
} from '../../../src/agent/contract.ts';
import { createToolGate, type GateServices } from '../../../src/agent/tools/call-tool.ts';
import type { ToolExecutor } from '../../../src/execution/interfaces/tool-executor.ts';
import { openEngineExecutor } from './engine-executor.ts';

const SAMPLE = new URL('../../../assets/sample-repository', import.meta.url).pathname;

type Delta = { messageId: string; kind: 'text' | 'reasoning'; text: string };
type AuditRow = ToolCallStart & Partial<ToolCallEnd>;

/** A task in memory over a real directory: what the server keeps in its database, for tests of the agent alone. */
export interface MemoryTask {
  readonly directory: string;
  readonly events: TaskEventBody[];
  readonly deltas: Delta[];
  readonly messages: Message[];
  readonly usages: Usage[];
  readonly rows: Map<string, AuditRow>;
  readonly approvals: Map<string, StoredApproval>;
  readonly allowedTools: Set<string>;
  readonly store: GateStore;
  readonly journal: TurnJournal;
  /** Aborted by `stop`; renewed for each turn. */
  stop(): void;
  say(text: string): void;
  run(runner: AgentRunner, options?: RunOptions): Promise<TurnOutcome>;
  gate(options?: RunOptions): ReturnType<typeof createToolGate>;
  eventsOf<Type extends TaskEventBody['type']>(type: Type): Extract<TaskEventBody, { type: Type }>[];
  text(): string;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RunOptions {
  mode?: PermissionMode;
  budgetUsd?: number | null;
  services?: GateServices;
  /** Parts of the executor to replace, for what the real engine never does. */
  executor?: Partial<ToolExecutor>;
  /** Called with each event as it is kept; for tests that act in the middle of a turn. */
  onEvent?: (event: TaskEventBody) => void;
  onDelta?: (delta: Delta) => void;
}

/** Makes a task over a fresh copy of the sample repository, or over an empty directory. */
export async function createMemoryTask(repository: 'sample' | 'empty' = 'sample'): Promise<MemoryTask> {
  const directory = await mkdtemp(join(tmpdir(), 'shadow-agent-'));
  if (repository === 'sample') await cp(SAMPLE, directory, { recursive: true });
  const events: TaskEventBody[] = [];
  const deltas: Delta[] = [];
  const messages: Message[] = [];
  const usages: Usage[] = [];
  let listeners: RunOptions = {};
  let controller = new AbortController();
  const { executor, close } = await openEngineExecutor(directory);
  const { store, rows, approvals, allowedTools } = createMemoryStore(events);
  const addMessage = (id: string, role: Message['role'], parts: MessagePart[]) => {
    const position = messages.length;
    messages.push({ id, role, parts, position, executionId: null, createdAt: new Date(0).toISOString() });
  };
  const journal: TurnJournal = {
    async append(...added) {
      for (const event of added) {
        events.push(event);
        listeners.onEvent?.(event);
      }
    },
    delta(messageId, kind, text) {
      deltas.push({ messageId, kind, text });
      listeners.onDelta?.({ messageId, kind, text });
    },
    async saveMessage({ id, role, parts }) {
      addMessage(id, role, structuredClone(parts));
    },
    async recordUsage(step) {
      usages.push(step);
    },
  };
  const gate = (options: RunOptions = {}) =>
    createToolGate(
      {
        taskId: 'task',
        executionId: 'execution',
        permissionMode: options.mode ?? 'auto',
        executor: { ...executor, ...options.executor },
        journal,
        store,
        commandTimeoutMs: 60_000,
      },
      options.services,
    );
  return {
    directory,
    events,
    deltas,
    messages,
    usages,
    rows,
    approvals,
    allowedTools,
    store,
    journal,
    gate,
    stop: () => controller.abort(),
    say: (text) => addMessage(`user-${messages.length}`, 'user', [{ type: 'text', text }]),
    run(runner, options = {}) {
      listeners = options;
      controller = new AbortController();
      const turn: Turn = {
        executionId: 'execution',
        taskId: 'task',
        userId: 'user',
        model: 'scripted/demo',
        systemPrompt: 'You are a test.',
        history: structuredClone(messages),
        remainingBudgetUsd: options.budgetUsd ?? null,
      };
      return runner.run(turn, { gate: gate(options), journal, signal: controller.signal });
    },
    eventsOf: (type) =>
      events.filter((event): event is Extract<TaskEventBody, { type: typeof type }> => event.type === type),
    text: () => deltas.flatMap((delta) => (delta.kind === 'text' ? [delta.text] : [])).join(''),
    async [Symbol.asyncDispose]() {
      await close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function createMemoryStore(events: TaskEventBody[]) {
  const rows = new Map<string, AuditRow>();
  const approvals = new Map<string, StoredApproval>();
  const allowedTools = new Set<string>();
  const store: GateStore = {
    async startToolCall(call) {
      rows.set(call.id, { ...rows.get(call.id), ...call });
    },
    async finishToolCall(end) {
      const row = rows.get(end.id);
      if (row === undefined) throw new Error(`no row ${end.id}`);
      rows.set(end.id, { ...row, ...end });
    },
    findApproval: async (toolCallId) => approvals.get(toolCallId) ?? null,
    async requestApproval(request) {
      const id = `approval-${approvals.size}`;
      approvals.set(request.toolCallId, { id, status: 'pending', scope: null, note: null });
      const approval = {
        ...request,
        id,
        taskId: 'task',
        executionId: 'execution',
        status: 'pending' as const,
      };
      events.push({
        type: 'approval-requested',
        approval: { ...approval, scope: null, note: null, createdAt: new Date(0).toISOString() },
      });
    },
    isAllowedForTask: async (tool) => allowedTools.has(tool),
  };
  return { store, rows, approvals, allowedTools };
}
