import { createHash } from 'node:crypto';
import type { OperationError, ToolCallPart, ToolOutcome } from '@shadow/protocol';
import { toShadowError } from '@shadow/protocol';
import { decideCommand } from '@shadow/workspace';
import type { GateContext, ToolCallResolution, ToolGate } from '../contract.ts';
import { type CommandPolicy, decidePermission } from '../permission.ts';
import { toolsFor } from './index.ts';
import type { ToolMetrics } from './metrics.ts';
import { parseCall } from './parse-call.ts';
import { type Redact, redactDeep } from './redact.ts';
import { prefixOfBytes } from './text.ts';
import { type AnyTool, type BoundCall, failedRun, type ToolRun } from './tool.ts';

const PREVIEW_BYTES = 8192;

/** What the gate needs besides its turn's context; all of it optional, so that tests inject what they look at. */
export interface GateServices {
  /** Judge of shell lines; default the workspace's own. */
  commandPolicy?: CommandPolicy;
  metrics?: ToolMetrics;
  /** Takes known secrets out of everything that is shown, stored or told to the model. */
  redact?: Redact;
  log?: { error(details: object, message: string): void };
  /** Milliseconds; default Date.now. */
  now?: () => number;
}

/** How a call ended at the gate, before it is told to anyone. */
interface Ending {
  outcome: ToolOutcome;
  run: ToolRun;
}

/**
 * The gate of one turn: the only way from an agent to the tools. Every call is validated, permitted, audited, shown as
 * events and measured here, whichever runner makes it. It throws only when the journal or the store do.
 * @param context task, mode, executor and memory of the turn
 * @param services policy, metrics, redaction, log
 */
export function createToolGate(context: GateContext, services: GateServices = {}): ToolGate {
  const all = new Map(toolsFor(context.executor.capabilities).map((tool) => [tool.name, tool]));
  const offered = [...all.values()].filter((tool) => context.permissionMode !== 'plan' || isHarmless(tool));
  return {
    tools: offered.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })),
    callTool: (call, signal) => callTool({ context, services, tools: all }, call, signal),
  };
}

function isHarmless(tool: AnyTool): boolean {
  return tool.kind === 'read' || tool.kind === 'internal';
}

interface Gate {
  context: GateContext;
  services: GateServices;
  tools: ReadonlyMap<string, AnyTool>;
}

async function callTool(gate: Gate, call: ToolCallPart, signal: AbortSignal): Promise<ToolCallResolution> {
  const startedAt = now(gate);
  const parsed = parseCall(gate.tools, call);
  if (!parsed.success) {
    await announce(gate, call, '');
    await audit(gate, call, 'deny', parsed.error.message);
    return finish(gate, call, startedAt, { outcome: 'invalid', run: failedRun(parsed.error) });
  }
  const { tool, bound, command } = parsed;
  const question = {
    mode: gate.context.permissionMode,
    toolCallId: call.toolCallId,
    tool: tool.name,
    kind: tool.kind,
    command,
  };
  const permission = await decidePermission(
    question,
    gate.context.store,
    gate.services.commandPolicy ?? decideCommand,
  );
  // A call that comes back from its approval has its row and its event already.
  if (!permission.asked) await announce(gate, call, bound.target);
  if (permission.type === 'awaiting') {
    if (!signal.aborted) return ask(gate, call, permission);
    await audit(gate, call, 'ask', permission.reason);
    return finish(gate, call, startedAt, { outcome: 'cancelled', run: cancelledRun() });
  }
  if (permission.type === 'deny') {
    await audit(gate, call, 'deny', permission.reason);
    return finish(gate, call, startedAt, { outcome: 'denied', run: denied(permission.reason) });
  }
  await audit(gate, call, permission.decision, permission.reason);
  return finish(gate, call, startedAt, await runTool(gate, call, bound, signal));
}

async function announce(gate: Gate, call: ToolCallPart, target: string): Promise<void> {
  await gate.context.journal.append({
    type: 'tool-call',
    toolCallId: call.toolCallId,
    executionId: gate.context.executionId,
    tool: call.tool,
    target: redactor(gate)(target),
    input: redactDeep(call.input, redactor(gate)),
  });
}

async function audit(
  gate: Gate,
  call: ToolCallPart,
  decision: 'allow' | 'deny' | 'ask',
  reason: string | null,
): Promise<void> {
  await gate.context.store.startToolCall({
    id: call.toolCallId,
    tool: call.tool,
    input: redactDeep(call.input, redactor(gate)),
    decision,
    reason,
  });
}

async function ask(
  gate: Gate,
  call: ToolCallPart,
  permission: { reason: string; asked: boolean },
): Promise<ToolCallResolution> {
  await audit(gate, call, 'ask', permission.reason);
  if (!permission.asked) {
    await gate.context.store.requestApproval({
      toolCallId: call.toolCallId,
      tool: call.tool,
      input: redactDeep(call.input, redactor(gate)),
      reason: permission.reason,
    });
  }
  return { type: 'awaiting-approval' };
}

async function runTool(
  gate: Gate,
  call: ToolCallPart,
  bound: BoundCall,
  signal: AbortSignal,
): Promise<Ending> {
  if (signal.aborted) return { outcome: 'cancelled', run: cancelledRun() };
  try {
    const run = await bound.run({
      executor: gate.context.executor,
      signal,
      toolCallId: call.toolCallId,
      processId: processIdOf(call.toolCallId),
      commandTimeoutMs: gate.context.commandTimeoutMs,
      emit: (...events) => gate.context.journal.append(...events),
    });
    if (run.cancelled === true) return { outcome: 'cancelled', run };
    return { outcome: run.isError ? 'failed' : 'succeeded', run };
  } catch (thrown) {
    const error = toShadowError(thrown);
    if (signal.aborted || error.code === 'CANCELLED') return { outcome: 'cancelled', run: cancelledRun() };
    gate.services.log?.error({ err: thrown, tool: call.tool, toolCallId: call.toolCallId }, 'a tool threw');
    return { outcome: 'failed', run: failedRun(error.toOperationError()) };
  }
}

async function finish(
  gate: Gate,
  call: ToolCallPart,
  startedAt: number,
  { outcome, run }: Ending,
): Promise<ToolCallResolution> {
  const redact = redactor(gate);
  const durationMs = Math.max(0, Math.round(now(gate) - startedAt));
  const output = redact(run.output);
  const summary = redact(run.summary);
  const processId = run.processId ?? null;
  const exitCode = run.exitCode ?? null;
  await gate.context.journal.append({
    type: 'tool-result',
    toolCallId: call.toolCallId,
    tool: call.tool,
    outcome,
    summary,
    preview: prefixOfBytes(output, PREVIEW_BYTES),
    durationMs,
    processId,
    exitCode,
    additions: run.additions ?? null,
    deletions: run.deletions ?? null,
    error: run.error === undefined ? null : { ...run.error, message: redact(run.error.message) },
  });
  await gate.context.store.finishToolCall({
    id: call.toolCallId,
    outcome,
    errorCode: run.error?.code ?? null,
    summary,
    processId,
    exitCode,
    durationMs,
  });
  // Names that a model made up would each be a new time series.
  const metricName = gate.tools.has(call.tool) ? call.tool : 'unknown';
  gate.services.metrics?.observe(metricName, outcome, durationMs);
  return {
    type: 'result',
    result: {
      type: 'tool-result',
      toolCallId: call.toolCallId,
      tool: call.tool,
      output,
      isError: run.isError,
    },
  };
}

function denied(reason: string): ToolRun {
  const error: OperationError = { code: 'PERMISSION_DENIED', message: reason, retryable: false };
  return { output: `Denied: ${reason}`, summary: 'denied', isError: true, error };
}

function cancelledRun(): ToolRun {
  const error: OperationError = {
    code: 'CANCELLED',
    message: 'The turn was stopped before this call ended.',
    retryable: false,
  };
  return { ...failedRun(error), summary: 'cancelled' };
}

/** A process id from a call's id: the same on a repeat, and within what ProcessId allows. */
function processIdOf(toolCallId: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(toolCallId)) return toolCallId;
  return `call-${createHash('sha256').update(toolCallId).digest('hex').slice(0, 32)}`;
}

function redactor(gate: Gate): Redact {
  return gate.services.redact ?? ((text) => text);
}

function now(gate: Gate): number {
  return (gate.services.now ?? Date.now)();
}
