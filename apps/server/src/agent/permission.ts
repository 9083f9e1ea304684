import type { PermissionMode } from '@shadow/protocol';
import type { GateStore } from './contract.ts';
import type { ToolKind } from './tools/tool.ts';

/** What the command policy says of a shell line. */
interface CommandDecision {
  decision: 'allow' | 'ask' | 'deny';
  /** For the person and the model: which part, and why. */
  reason: string;
}

/** Judges a shell line before it runs. */
export type CommandPolicy = (command: string) => CommandDecision;

/** What the gate does with a call. `asked` is true when the question about this very call is stored already. */
export type PermissionDecision = { asked: boolean } & (
  | { type: 'allow'; decision: 'allow' | 'ask'; reason: string | null }
  | { type: 'deny'; reason: string }
  | { type: 'awaiting'; reason: string }
);

/** What is to be decided. */
export interface PermissionQuestion {
  mode: PermissionMode;
  toolCallId: string;
  tool: string;
  kind: ToolKind;
  /** The shell line of a command; null for every other tool. */
  command: string | null;
}

/**
 * Decides a call: the mode first, then the command policy, then what the person has already answered.
 * plan lets reads through; ask wants an approval of each write and command; auto lets everything through that the
 * policy does not deny. What the policy denies no approval can allow.
 * @param question the call
 * @param store approvals of the task
 * @param policy judge of shell lines
 */
export async function decidePermission(
  question: PermissionQuestion,
  store: Pick<GateStore, 'findApproval' | 'isAllowedForTask'>,
  policy: CommandPolicy,
): Promise<PermissionDecision> {
  if (question.kind === 'read' || question.kind === 'internal') {
    return { type: 'allow', decision: 'allow', reason: null, asked: false };
  }
  if (question.mode === 'plan') {
    return {
      type: 'deny',
      reason: 'This task is in plan mode: files are not changed and commands are not run.',
      asked: false,
    };
  }
  const judged = question.command === null ? undefined : policy(question.command);
  if (judged?.decision === 'deny') return { type: 'deny', reason: judged.reason, asked: false };
  if (question.mode === 'auto') {
    return { type: 'allow', decision: 'allow', reason: null, asked: false };
  }
  const reason = judged?.decision === 'ask' ? judged.reason : askReason(question.kind);
  return decideByAnswer(question, store, reason, judged?.decision === 'ask');
}

function askReason(kind: ToolKind): string {
  return kind === 'execute' ? 'wants to run a command' : 'wants to change files';
}

async function decideByAnswer(
  question: PermissionQuestion,
  store: Pick<GateStore, 'findApproval' | 'isAllowedForTask'>,
  reason: string,
  flagged: boolean,
): Promise<PermissionDecision> {
  const approval = await store.findApproval(question.toolCallId);
  const asked = approval !== null;
  if (approval?.status === 'allowed')
    return { type: 'allow', decision: 'ask', reason: 'allowed by a person', asked: true };
  if (approval?.status === 'denied') {
    const note = approval.note === null || approval.note === '' ? '' : ` They say: ${approval.note}`;
    return { type: 'deny', reason: `The person denied this call.${note}`, asked: true };
  }
  if (approval?.status === 'expired') {
    return {
      type: 'deny',
      reason: 'The question whether this may be done was not answered; ask again if it still is needed.',
      asked,
    };
  }
  // A line that the policy flags is asked about each time: "allow for the task" was said of ordinary ones.
  if (!flagged && (await store.isAllowedForTask(question.tool))) {
    return { type: 'allow', decision: 'ask', reason: 'allowed by a person for this task', asked };
  }
  return { type: 'awaiting', reason, asked };
}
