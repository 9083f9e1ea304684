import type { ProcessHost, WorkspaceContext, WorkspaceEngine } from '@shadow/workspace';
import type { Logger } from 'pino';
import type { Authenticator } from './auth.ts';
import type { WorkspaceClaim } from './claim/workspace-claim.ts';
import type { LimitsConfig } from './config.ts';
import type { Slots } from './http/slots.ts';
import type { AnswerStore } from './idempotency/answer-store.ts';
import type { Metrics } from './observability/metrics.ts';

/** What the routes work with. */
export interface SidecarContext {
  readonly workspace: WorkspaceContext;
  readonly engine: WorkspaceEngine;
  readonly host: ProcessHost;
  readonly authenticator: Authenticator;
  readonly claim: WorkspaceClaim;
  readonly answers: AnswerStore;
  readonly limits: LimitsConfig;
  readonly slots: { readonly requests: Slots; readonly streams: Slots };
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Aborts when the sidecar shuts down: streams end then, and it is not ready any more. */
  readonly closing: AbortSignal;
}
