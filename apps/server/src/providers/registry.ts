import type { PrismaClient } from '@shadow/db';
import {
  type ModelInfo,
  ProviderId,
  type ProviderSettings,
  type ProviderTestResult,
  ShadowError,
  type UpdateProviderRequest,
} from '@shadow/protocol';
import { createAiSdkRunner } from '../agent/adapters/ai-sdk/ai-sdk-runner.ts';
import type { RetryClock } from '../agent/adapters/ai-sdk/retry.ts';
import {
  createScriptedModels,
  type ScriptedModels,
  type ScriptedOptions,
} from '../agent/adapters/scripted/index.ts';
import type { AgentRunner } from '../agent/contract.ts';
import { FREE, pricingOf } from '../agent/pricing.ts';
import { redactValues } from '../agent/tools/redact.ts';
import { available, hostedModels, listedModels, PREFERRED_MODELS } from './catalog.ts';
import { CredentialCipher } from './credential-cipher.ts';
import { type CredentialLog, type CredentialStore, DatabaseCredentialStore } from './credential-store.ts';
import {
  type EffectiveProvider,
  effectiveProvider,
  isFreeOfCharge,
  type ModelEndpoint,
  PROVIDERS,
  type ProvidersConfig,
} from './endpoint.ts';
import { languageModel } from './language-model.ts';
import { fetchModels, ModelListings } from './model-listing.ts';

/** A keyless endpoint that is looked for on this machine. */
export interface LocalEndpoint {
  /** First part of its models' ids. */
  id: string;
  name: string;
  baseUrl: string;
}

/** Ports on which local model servers listen unless told otherwise. */
const LOCAL_ENDPOINTS: readonly LocalEndpoint[] = [
  { id: 'ollama', name: 'Ollama', baseUrl: 'http://127.0.0.1:11434/v1' },
  { id: 'lm-studio', name: 'LM Studio', baseUrl: 'http://127.0.0.1:1234/v1' },
];

const LOCAL_TIMEOUT_MS = 1000;
const TEST_TIMEOUT_MS = 15_000;
const DEMO = 'scripted/demo';

export interface ProviderRegistryOptions {
  config: ProvidersConfig;
  credentials: CredentialStore;
  /** Scripts besides the demo, and the clock of their pauses. */
  scripted?: ScriptedOptions;
  /** Default: where Ollama and LM Studio listen. */
  localEndpoints?: readonly LocalEndpoint[];
  /** Waiting between tries of model calls. */
  retryClock?: RetryClock;
}

/** What a model id stands for. */
export type ResolvedModel =
  | { runner: 'scripted'; agent: AgentRunner }
  | { runner: 'ai-sdk'; endpoint: ModelEndpoint; modelId: string; isOpenAi: boolean };

/** Models and their providers: what there is, where keys come from, and the runner that plays a model. */
export class ProviderRegistry {
  readonly #config: ProvidersConfig;
  readonly #credentials: CredentialStore;
  readonly #scripted: ScriptedModels;
  readonly #local: readonly LocalEndpoint[];
  readonly #retryClock: RetryClock | undefined;
  readonly #listings = new ModelListings();
  readonly #localListings = new ModelListings(LOCAL_TIMEOUT_MS);

  constructor(options: ProviderRegistryOptions) {
    this.#config = options.config;
    this.#credentials = options.credentials;
    this.#scripted = createScriptedModels(options.scripted);
    this.#local = options.localEndpoints ?? LOCAL_ENDPOINTS;
    this.#retryClock = options.retryClock;
    // Asked for now, known by the time somebody looks.
    this.#localModels();
  }

  /**
   * The registry over the database, with the key file of the home.
   * @param options `home`: absolute path of SHADOW_HOME
   */
  static async open(
    options: Omit<ProviderRegistryOptions, 'credentials'> & {
      prisma: PrismaClient;
      home: string;
      log?: CredentialLog;
    },
  ): Promise<ProviderRegistry> {
    const cipher = await CredentialCipher.open(options.home);
    return new ProviderRegistry({
      ...options,
      credentials: new DatabaseCredentialStore(options.prisma, cipher, options.log),
    });
  }

  /** Models a task can be given and the one it gets when it names none. Never waits for a provider. */
  async listModels(userId: string): Promise<{ models: ModelInfo[]; defaultModel: string }> {
    const [anthropic, openai, compatible] = await this.#effectiveAll(userId);
    const models = [
      ...hostedModels('anthropic', this.#peek(anthropic), anthropic.settings.configured),
      ...hostedModels('openai', this.#peek(openai), openai.settings.configured),
      ...listedModels('openai-compatible', this.#peek(compatible), priceOf(compatible.endpoint)),
      ...this.#localModels(),
      ...this.#scripted.names.map((name) => scriptedModel(name)),
    ];
    return { models, defaultModel: this.#defaultModel(models, anthropic.settings.configured) };
  }

  /**
   * The model of a task and what plays it.
   * @param wanted `provider/model`; default the user's default model
   * @throws ShadowError MODEL_UNKNOWN or PROVIDER_NOT_CONFIGURED
   */
  async chooseModel(userId: string, wanted: string | undefined): Promise<{ model: string; runner: string }> {
    const model = wanted ?? (await this.listModels(userId)).defaultModel;
    const { runner } = await this.resolve(userId, model);
    return { model, runner };
  }

  /**
   * What a model id stands for. Whether a hosted model exists only its provider knows; it says so when it is called.
   * @throws ShadowError MODEL_UNKNOWN or PROVIDER_NOT_CONFIGURED
   */
  async resolve(userId: string, model: string): Promise<ResolvedModel> {
    const slash = model.indexOf('/');
    const [prefix, modelId] = [model.slice(0, slash), model.slice(slash + 1)];
    if (slash < 1 || modelId === '') throw unknownModel(model);
    if (prefix === 'scripted') {
      const agent = this.#scripted.createRunner(modelId);
      if (agent === null) throw unknownModel(model);
      return { runner: 'scripted', agent };
    }
    const local = this.#local.find((endpoint) => endpoint.id === prefix);
    if (local !== undefined) {
      return { runner: 'ai-sdk', endpoint: localEndpoint(local), modelId, isOpenAi: false };
    }
    const provider = ProviderId.safeParse(prefix);
    if (!provider.success) throw unknownModel(model);
    const { endpoint } = await this.#effective(userId, provider.data);
    if (endpoint === null) throw notConfigured(provider.data);
    return { runner: 'ai-sdk', endpoint, modelId, isOpenAi: provider.data === 'openai' };
  }

  /**
   * The runner that plays a model for a user, with the key that is in force now.
   * @throws ShadowError MODEL_UNKNOWN or PROVIDER_NOT_CONFIGURED
   */
  async createRunner(userId: string, model: string): Promise<AgentRunner> {
    const resolved = await this.resolve(userId, model);
    if (resolved.runner === 'scripted') return resolved.agent;
    const { endpoint, modelId, isOpenAi } = resolved;
    return createAiSdkRunner({
      ...languageModel(endpoint, modelId, isOpenAi),
      providerName: endpoint.name,
      pricing: priceOf(endpoint) ?? pricingOf(model),
      redact: redactValues(endpoint.apiKey === null ? [] : [endpoint.apiKey]),
      ...(this.#retryClock === undefined ? {} : { clock: this.#retryClock }),
    });
  }

  /** Providers and where their keys come from; never a key. */
  async listProviders(userId: string): Promise<ProviderSettings[]> {
    return (await this.#effectiveAll(userId)).map(({ settings }) => settings);
  }

  /**
   * Stores a key or an address; what is not given stays as it is.
   * @throws ShadowError VALIDATION_FAILED when neither is given
   */
  async updateProvider(
    userId: string,
    provider: ProviderId,
    settings: UpdateProviderRequest,
  ): Promise<ProviderSettings> {
    if (settings.apiKey === undefined && settings.baseUrl === undefined) {
      throw new ShadowError('VALIDATION_FAILED', 'Give a key or an address to store.');
    }
    const stored = await this.#credentials.get(userId, provider);
    await this.#credentials.put(userId, provider, merge(stored, settings));
    return (await this.#effective(userId, provider)).settings;
  }

  /** Forgets what the user stored; the environment's settings are in force again. */
  async deleteProvider(userId: string, provider: ProviderId): Promise<void> {
    await this.#credentials.delete(userId, provider);
  }

  /**
   * Asks a provider for its models, with these settings over the stored ones, and reports its own words.
   * @param signal ends the request
   */
  async testProvider(
    userId: string,
    provider: ProviderId,
    settings: UpdateProviderRequest,
    signal: AbortSignal,
  ): Promise<ProviderTestResult> {
    const stored = merge(await this.#credentials.get(userId, provider), settings);
    const { endpoint } = effectiveProvider(provider, this.#config, stored);
    if (endpoint === null) {
      const { code, message } = notConfigured(provider);
      return { ok: false, models: [], error: { code, message } };
    }
    const limited = AbortSignal.any([signal, AbortSignal.timeout(TEST_TIMEOUT_MS)]);
    const result = await fetchModels(endpoint, limited);
    return result.ok
      ? { ok: true, models: result.models, error: null }
      : { ok: false, models: [], error: result.error };
  }

  /** Resolves when every listing that was asked for in the background has come or failed. */
  async settled(): Promise<void> {
    await Promise.all([this.#listings.settled(), this.#localListings.settled()]);
  }

  #defaultModel(models: readonly ModelInfo[], anthropicConfigured: boolean): string {
    if (anthropicConfigured && this.#config.claudeModel !== null) {
      return `anthropic/${this.#config.claudeModel.replace(/^anthropic\//, '')}`;
    }
    const usable = models.filter((model) => model.available);
    const preferred = Object.values(PREFERRED_MODELS).find((id) => usable.some((model) => model.id === id));
    return preferred ?? usable[0]?.id ?? DEMO;
  }

  #peek({ endpoint }: EffectiveProvider): readonly string[] | null {
    return endpoint === null ? null : this.#listings.peek(endpoint);
  }

  #localModels(): ModelInfo[] {
    return this.#local.flatMap((local) =>
      listedModels(local.id, this.#localListings.peek(localEndpoint(local)), FREE),
    );
  }

  async #effective(userId: string, provider: ProviderId): Promise<EffectiveProvider> {
    return effectiveProvider(provider, this.#config, await this.#credentials.get(userId, provider));
  }

  #effectiveAll(userId: string): Promise<[EffectiveProvider, EffectiveProvider, EffectiveProvider]> {
    return Promise.all([
      this.#effective(userId, 'anthropic'),
      this.#effective(userId, 'openai'),
      this.#effective(userId, 'openai-compatible'),
    ]);
  }
}

function scriptedModel(name: string): ModelInfo {
  return available(
    `scripted/${name}`,
    'scripted',
    name === 'demo' ? 'Demo (scripted)' : `${name} (scripted)`,
  );
}

/** The price of models that no price list knows. */
function priceOf(endpoint: ModelEndpoint | null): typeof FREE | null {
  return endpoint !== null && isFreeOfCharge(endpoint) ? FREE : null;
}

function localEndpoint({ name, baseUrl }: LocalEndpoint): ModelEndpoint {
  return { name, format: 'openai', baseUrl, apiKey: null };
}

function merge(
  stored: { apiKey?: string; baseUrl?: string } | null,
  { apiKey, baseUrl }: UpdateProviderRequest,
): { apiKey?: string; baseUrl?: string } {
  return {
    ...stored,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
  };
}

function unknownModel(model: string): ShadowError {
  return new ShadowError(
    'MODEL_UNKNOWN',
    `There is no model "${model.slice(0, 200)}". A model is named provider/model, such as ${PREFERRED_MODELS.anthropic} or ${DEMO}; the list of models shows what there is.`,
  );
}

function notConfigured(provider: ProviderId): ShadowError {
  const { name, howToConfigure } = PROVIDERS[provider];
  return new ShadowError('PROVIDER_NOT_CONFIGURED', `${name} is not configured. ${howToConfigure}`);
}
