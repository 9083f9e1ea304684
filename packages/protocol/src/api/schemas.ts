import * as z from 'zod';
import { ErrorCode } from '../errors.ts';
import { TaskEvent } from '../events.ts';
import { ApprovalScope } from '../messages.ts';
import { TaskStatus } from '../tasks.ts';

export const ModelInfo = z.object({
  /** `provider/model`: what a task is created with. */
  id: z.string(),
  name: z.string(),
  provider: z.string(),
  available: z.boolean(),
  /** Why it is not available and what to do. */
  unavailableReason: z.string().nullable(),
  /** US dollars per million tokens; null when unknown. */
  pricing: z.object({ input: z.number(), output: z.number(), cachedInput: z.number() }).nullable(),
});
export type ModelInfo = z.infer<typeof ModelInfo>;

export const ProviderId = z.enum(['anthropic', 'openai', 'openai-compatible']);
export type ProviderId = z.infer<typeof ProviderId>;

export const ProviderSettings = z.object({
  provider: ProviderId,
  /** Where its key comes from; the key itself is never sent. */
  keySource: z.enum(['none', 'environment', 'stored']),
  baseUrl: z.string().nullable(),
  configured: z.boolean(),
});
export type ProviderSettings = z.infer<typeof ProviderSettings>;

export const UpdateProviderRequest = z.object({
  apiKey: z.string().trim().min(1).max(500).optional(),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .optional(),
});
export type UpdateProviderRequest = z.infer<typeof UpdateProviderRequest>;

/** A connection test reports the provider's own words. */
export const ProviderTestResult = z.object({
  ok: z.boolean(),
  models: z.array(z.string()),
  error: z.object({ code: ErrorCode, message: z.string() }).nullable(),
});
export type ProviderTestResult = z.infer<typeof ProviderTestResult>;

export const Me = z.object({
  user: z.object({ id: z.string(), name: z.string(), email: z.string(), role: z.string() }),
  version: z.string(),
  agentMode: z.enum(['local', 'remote', 'mock']),
  /** What the execution mode can do. */
  capabilities: z.record(z.string(), z.union([z.boolean(), z.string()])),
});
export type Me = z.infer<typeof Me>;

export const RepositorySuggestion = z.object({
  /** What a task is created with. */
  source: z.string(),
  name: z.string(),
  kind: z.enum(['sample', 'local', 'remote']),
});
export type RepositorySuggestion = z.infer<typeof RepositorySuggestion>;

export const Branches = z.object({ defaultBranch: z.string(), branches: z.array(z.string()) });
export type Branches = z.infer<typeof Branches>;

export const TaskParams = z.object({ taskId: z.string().min(1).max(64) });
export const EventsQuery = z.object({
  afterSeq: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(5000).default(1000),
});
export const EventPage = z.object({
  events: z.array(TaskEvent),
  /** True when more events follow the last of this page. */
  hasMore: z.boolean(),
});
export type EventPage = z.infer<typeof EventPage>;

export const ListTasksQuery = z.object({
  status: TaskStatus.optional(),
  includeArchived: z.stringbool().default(false),
  /** `nextCursor` of the page before. */
  cursor: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

export const DiffQuery = z.object({
  path: z.string().max(4096).optional(),
  contextLines: z.coerce.number().int().min(0).max(100).default(3),
});

export const OutputQuery = z.object({
  fromOffset: z.coerce.number().int().min(0).default(0),
  maxBytes: z.coerce.number().int().min(1).max(4_194_304).default(262_144),
});
/** A piece of a process's output; text is UTF-8 with undecodable bytes replaced. */
export const OutputPage = z.object({
  processId: z.string(),
  chunks: z.array(
    z.object({ offset: z.int(), stream: z.enum(['stdout', 'stderr', 'pty']), text: z.string() }),
  ),
  /** Bytes [fromOffset, toOffset) that are gone. */
  gaps: z.array(z.object({ fromOffset: z.int(), toOffset: z.int() })),
  nextOffset: z.int(),
  running: z.boolean(),
});
export type OutputPage = z.infer<typeof OutputPage>;

export const AnswerApprovalRequest = z.object({
  decision: z.enum(['allow', 'deny']),
  scope: ApprovalScope.optional(),
  /** Told to the agent after a denial. */
  note: z.string().trim().max(2000).optional(),
});
export type AnswerApprovalRequest = z.infer<typeof AnswerApprovalRequest>;

export const ApiKeyInfo = z.object({
  id: z.string(),
  name: z.string().nullable(),
  start: z.string().nullable(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
});
export type ApiKeyInfo = z.infer<typeof ApiKeyInfo>;
