import type { ProviderId, ProviderSettings } from '@shadow/protocol';
import type { Credential } from './credential-store.ts';

/** A provider's settings from the environment. */
interface EnvironmentCredential {
  readonly apiKey: string | null;
  readonly baseUrl: string | null;
}

/** The slice of the configuration that providers need. */
export interface ProvidersConfig {
  readonly anthropic: EnvironmentCredential;
  readonly openai: EnvironmentCredential;
  readonly openaiCompatible: EnvironmentCredential;
  /** Anthropic model of tasks that name none. */
  readonly claudeModel: string | null;
}

/** Which wire format an endpoint speaks. */
type WireFormat = 'anthropic' | 'openai';

/** Where a model is called, and with which key. */
export interface ModelEndpoint {
  /** Name for people. */
  name: string;
  format: WireFormat;
  /** With its version: ends in `/v1` or the like. */
  baseUrl: string;
  apiKey: string | null;
}

/** A provider as it is in force for a user. */
export interface EffectiveProvider {
  settings: ProviderSettings;
  /** Null while it is not configured. */
  endpoint: ModelEndpoint | null;
}

interface ProviderFacts {
  name: string;
  format: WireFormat;
  defaultBaseUrl: string | null;
  needsKey: boolean;
  environment(config: ProvidersConfig): EnvironmentCredential;
  /** What to do while it is not configured. */
  howToConfigure: string;
}

export const PROVIDERS: Readonly<Record<ProviderId, ProviderFacts>> = {
  anthropic: {
    name: 'Anthropic',
    format: 'anthropic',
    defaultBaseUrl: 'https://api.anthropic.com/v1',
    needsKey: true,
    environment: (config) => config.anthropic,
    howToConfigure: 'Add an Anthropic key in the settings, or set ANTHROPIC_API_KEY.',
  },
  openai: {
    name: 'OpenAI',
    format: 'openai',
    defaultBaseUrl: 'https://api.openai.com/v1',
    needsKey: true,
    environment: (config) => config.openai,
    howToConfigure: 'Add an OpenAI key in the settings, or set OPENAI_API_KEY.',
  },
  'openai-compatible': {
    name: 'The OpenAI-compatible endpoint',
    format: 'openai',
    defaultBaseUrl: null,
    needsKey: false,
    environment: (config) => config.openaiCompatible,
    howToConfigure:
      'Add the address of an OpenAI-compatible endpoint in the settings, or set OPENAI_COMPATIBLE_BASE_URL.',
  },
};

/**
 * A provider as it is in force: what the user stored goes before the environment. The environment's key is never sent
 * to an address that a user entered: it would be theirs to read.
 */
export function effectiveProvider(
  provider: ProviderId,
  config: ProvidersConfig,
  stored: Credential | null,
): EffectiveProvider {
  const { name, format, defaultBaseUrl, needsKey, environment } = PROVIDERS[provider];
  const fallback = environment(config);
  const environmentKey = stored?.baseUrl === undefined ? fallback.apiKey : null;
  const apiKey = stored?.apiKey ?? environmentKey;
  const baseUrl = stored?.baseUrl ?? fallback.baseUrl;
  const address = baseUrl ?? defaultBaseUrl;
  const configured = address !== null && (apiKey !== null || !needsKey);
  const source = stored?.apiKey !== undefined ? 'stored' : environmentKey === null ? 'none' : 'environment';
  return {
    settings: { provider, keySource: source, baseUrl, configured },
    endpoint: configured ? { name, format, baseUrl: versioned(address, format), apiKey } : null,
  };
}

/** People write addresses with and without their version; the SDKs want it. */
function versioned(address: string, format: WireFormat): string {
  const url = new URL(address);
  const path = url.pathname.replace(/\/+$/, '');
  const complete = format === 'anthropic' ? /\/v\d+$/.test(path) : path !== '';
  url.pathname = complete ? path : `${path}/v1`;
  return url.href;
}

/** Whether an endpoint is on this machine or a private network and wants no key: then nobody bills its calls. */
export function isFreeOfCharge({ baseUrl, apiKey }: ModelEndpoint): boolean {
  if (apiKey !== null) return false;
  const host = new URL(baseUrl).hostname;
  return (
    host === 'localhost' ||
    host === '[::1]' ||
    /^(127|10)\.\d+\.\d+\.\d+$/.test(host) ||
    /^192\.168\.\d+\.\d+$/.test(host) ||
    /^172\.(1[6-9]|2\d|3[01])\.\d+\.\d+$/.test(host) ||
    /\.(local|internal)$/.test(host) ||
    !/[.:]/.test(host)
  );
}
