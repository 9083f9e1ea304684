import type {
  Me,
  ModelInfo,
  ProviderId,
  ProviderSettings,
  ProviderTestResult,
  UpdateProviderRequest,
} from '@shadow/protocol';
import type { Logger } from 'pino';
import type { Access } from '../access/access.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { RepositoryService, TaskService } from '../tasks/contracts.ts';

/** Models and providers as the API shows them. Every method is scoped by the user and throws ShadowError. */
export interface ModelCatalog {
  listModels(userId: string): Promise<{ models: ModelInfo[]; defaultModel: string }>;
  listProviders(userId: string): Promise<ProviderSettings[]>;
  updateProvider(
    userId: string,
    provider: ProviderId,
    settings: UpdateProviderRequest,
  ): Promise<ProviderSettings>;
  deleteProvider(userId: string, provider: ProviderId): Promise<void>;
  testProvider(
    userId: string,
    provider: ProviderId,
    settings: UpdateProviderRequest,
    signal: AbortSignal,
  ): Promise<ProviderTestResult>;
}

/** What the HTTP API is made of. */
export interface HttpDependencies {
  readonly access: Access;
  readonly tasks: TaskService;
  readonly repositories: RepositoryService;
  readonly models: ModelCatalog;
  readonly installation: Pick<Me, 'version' | 'agentMode' | 'capabilities'>;
  /** Resolves when the database answers, rejects when it does not. */
  readonly pingDatabase: () => Promise<unknown>;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Empty, or `/path` without a slash at its end. */
  readonly basePath: string;
  /** Origin that people open when a proxy stands in front. */
  readonly publicUrl: string | null;
  /** Absolute path of the built web UI. */
  readonly webDirectory: string;
}
