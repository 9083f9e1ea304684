import * as z from 'zod';
import { ErrorCode } from './errors.ts';
import { Usage } from './messages.ts';

export const TaskStatus = z.enum([
  'queued',
  'initializing',
  'running',
  'awaiting-approval',
  'ready-for-review',
  'stopped',
  'failed',
  'interrupted',
  'archived',
]);
export type TaskStatus = z.infer<typeof TaskStatus>;

/** plan: reads only. ask: writes and commands need approval. auto: everything the policy does not deny. */
export const PermissionMode = z.enum(['plan', 'ask', 'auto']);
export type PermissionMode = z.infer<typeof PermissionMode>;

/** Bytes of UTF-8 that a prompt may have. */
export const MAX_PROMPT_BYTES = 262_144;

const prompt = z
  .string()
  .trim()
  .min(1, 'say what you want done')
  .refine((text) => new TextEncoder().encode(text).byteLength <= MAX_PROMPT_BYTES, {
    message: `is longer than ${MAX_PROMPT_BYTES / 1024} KiB; put long material in a file of the repository`,
    params: { code: 'PROMPT_TOO_LARGE' },
  });

const branchName = z
  .string()
  .min(1)
  .max(250)
  .regex(/^(?!-)[^\s~^:?*[\\\p{Cc}]+$/u, 'is not a valid branch name');

/** The bundled sample repository, for a first run with nothing at hand. */
export const SAMPLE_REPOSITORY = 'sample';

/** Upper bounds of a task's workspace, as Kubernetes quantities; the installation's own where absent. */
export const TaskResources = z.object({
  /** Processors, such as `500m` or `2`. */
  cpu: z
    .string()
    .regex(/^(?=.*[1-9])(\d{1,9}m|\d{1,6}(\.\d{1,3})?)$/, 'is not an amount of processors such as 500m or 2')
    .optional(),
  /** Bytes, such as `512Mi` or `4Gi`. */
  memory: z
    .string()
    .regex(
      /^(?=.*[1-9])\d{1,15}(\.\d{1,3})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/,
      'is not an amount of memory such as 512Mi or 4Gi',
    )
    .optional(),
});
export type TaskResources = z.infer<typeof TaskResources>;

export const CreateTaskRequest = z.object({
  /** A git URL (https, ssh, git, file), an absolute local path, or "sample". */
  repository: z.string().trim().min(1).max(2000),
  /** Default: the repository's own default branch. */
  baseBranch: branchName.optional(),
  prompt,
  /** `provider/model`, as GET /api/models lists them; default the first available. */
  model: z.string().min(1).max(200).optional(),
  permissionMode: PermissionMode.optional(),
  /** The task stops before it spends more than this. */
  budgetUsd: z.number().positive().max(100_000).optional(),
  /** Only where the installation can bound a task by itself: UNSUPPORTED elsewhere. */
  resources: TaskResources.optional(),
});
export type CreateTaskRequest = z.infer<typeof CreateTaskRequest>;

export const UpdateTaskRequest = z.object({
  title: z.string().trim().min(1).max(200).optional(),
  /** Holds from the next turn on. */
  permissionMode: PermissionMode.optional(),
  /** A new bound of what the task may cost in all; null takes it away. */
  budgetUsd: z.number().positive().max(100_000).nullable().optional(),
});
export type UpdateTaskRequest = z.infer<typeof UpdateTaskRequest>;

export const Task = z.object({
  id: z.string(),
  title: z.string(),
  status: TaskStatus,
  repository: z.string(),
  baseBranch: z.string().nullable(),
  branch: z.string().nullable(),
  baseCommit: z.string().nullable(),
  headCommit: z.string().nullable(),
  model: z.string(),
  permissionMode: PermissionMode,
  budgetUsd: z.number().nullable(),
  /** Absent when the installation's own bounds hold. */
  resources: TaskResources.optional(),
  usage: Usage,
  additions: z.int(),
  deletions: z.int(),
  /** Number of the newest event. */
  lastSeq: z.int(),
  error: z.object({ code: ErrorCode, message: z.string() }).nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type Task = z.infer<typeof Task>;

export const ExecutionStatus = z.enum([
  'queued',
  'running',
  'awaiting-approval',
  'completed',
  'stopped',
  'failed',
  'budget-exceeded',
  'interrupted',
]);
export type ExecutionStatus = z.infer<typeof ExecutionStatus>;

/** One agent turn. */
export const Execution = z.object({
  id: z.string(),
  taskId: z.string(),
  status: ExecutionStatus,
  runner: z.string(),
  model: z.string(),
  usage: Usage,
  stepsCount: z.int(),
  toolCallsCount: z.int(),
  error: z.object({ code: ErrorCode, message: z.string() }).nullable(),
  queuedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().nullable(),
  finishedAt: z.iso.datetime().nullable(),
});
export type Execution = z.infer<typeof Execution>;

export const InitStepName = z.enum([
  'PREPARE_WORKSPACE',
  'CREATE_POD',
  'WAIT_SIDECAR_READY',
  'CLONE_TO_POD',
  'SETUP',
  'CLEANUP_POD',
]);
export type InitStepName = z.infer<typeof InitStepName>;
export const StepStatus = z.enum(['pending', 'running', 'completed', 'failed']);
export type StepStatus = z.infer<typeof StepStatus>;

export const InitStep = z.object({
  name: InitStepName,
  status: StepStatus,
  attempts: z.int(),
  durationMs: z.number().nullable(),
  error: z.object({ code: ErrorCode, message: z.string() }).nullable(),
});
export type InitStep = z.infer<typeof InitStep>;

/** A row of the audit trail. */
export const ToolCallRecord = z.object({
  id: z.string(),
  executionId: z.string(),
  tool: z.string(),
  input: z.unknown(),
  decision: z.enum(['allow', 'deny', 'ask']),
  reason: z.string().nullable(),
  outcome: z.string().nullable(),
  errorCode: z.string().nullable(),
  summary: z.string().nullable(),
  processId: z.string().nullable(),
  exitCode: z.int().nullable(),
  startedAt: z.iso.datetime(),
  durationMs: z.int().nullable(),
});
export type ToolCallRecord = z.infer<typeof ToolCallRecord>;

export const SendMessageRequest = z.object({ text: prompt });
export type SendMessageRequest = z.infer<typeof SendMessageRequest>;
