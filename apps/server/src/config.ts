import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { commandVariables, gitVariables } from './config/environment.ts';
import { type RemoteConfig, remoteConfig, remoteConflicts } from './config/remote-config.ts';
import type { Setting } from './config/setting.ts';
import { type Settings, settings } from './config/settings.ts';

/** The configuration, in the slices that parts of the server are given. */
export interface Config {
  /** Absolute path of SHADOW_HOME. */
  readonly home: string;
  readonly agentMode: Settings['agentMode'];
  readonly http: {
    readonly host: string;
    /** 0 for any free port. */
    readonly port: number;
    /** Empty, or `/path` without a slash at its end. */
    readonly basePath: string;
    /** Origin that people open, without BASE_PATH; null when it is the listening address itself. */
    readonly publicUrl: string | null;
  };
  readonly database: { readonly url: string | null };
  readonly workspaces: {
    /** Absolute path of the directory that holds a directory per task. */
    readonly directory: string;
    readonly commandTimeoutMs: number;
    /** How commands are kept apart from this machine in local mode. */
    readonly isolation: Settings['commandIsolation'];
    /** Milliseconds between two comparisons of workspaces with the database. */
    readonly reconcileIntervalMs: number;
    /** Milliseconds after which an unused workspace is suspended, where that is supported. */
    readonly idleMs: number;
    /** Milliseconds after which an unused finished task is archived; null for never. */
    readonly maxAgeMs: number | null;
    /** Workspaces that may exist; null for any number. */
    readonly quota: number | null;
    /** States of tasks that age and quota may archive. */
    readonly cleanupStates: Settings['workspaceCleanupStates'];
  };
  /** Identity of agents' commands; null when the server is not root and they run as its own user. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /** Allow-listed variables for what the server starts. */
  readonly environment: {
    /** For git on the server's own mirrors. */
    readonly git: Readonly<Record<string, string>>;
    /** For agents' commands. */
    readonly commands: Readonly<Record<string, string>>;
  };
  readonly repositories: { readonly allowLocal: boolean };
  readonly turns: { readonly maxConcurrent: number; readonly timeoutMs: number };
  readonly providers: {
    readonly anthropic: ProviderConfig;
    readonly openai: ProviderConfig;
    readonly openaiCompatible: ProviderConfig;
    /** Anthropic model of tasks that name none. */
    readonly claudeModel: string | null;
  };
  /** Used with AGENT_MODE=remote alone. */
  readonly remote: RemoteConfig;
  readonly log: { readonly level: Settings['logLevel']; readonly format: Settings['logFormat'] };
  readonly print: Settings['print'];
  /** Values that must not appear in a log line. */
  readonly secrets: readonly string[];
}

export interface ProviderConfig {
  readonly apiKey: string | null;
  readonly baseUrl: string | null;
}

/** The environment holds invalid values; the message names each with what is allowed, and no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Names of the variables that are wrong. */
  readonly variables: readonly string[];

  constructor(variables: readonly string[], message: string) {
    super(message);
    this.variables = variables;
  }
}

/**
 * Reads and checks the whole configuration.
 * @param environment the variables; this is the only place that reads process.env
 * @throws ConfigError that lists every invalid variable
 */
export function loadConfig(environment: Readonly<NodeJS.ProcessEnv> = process.env): Config {
  const values = parseSettings(environment);
  const home = resolve(values.home ?? join(homedir(), '.shadow'));
  return {
    home,
    agentMode: values.agentMode,
    http: {
      host: values.host,
      port: values.port,
      basePath: values.basePath,
      publicUrl: values.publicUrl,
    },
    database: { url: values.databaseUrl },
    workspaces: {
      directory: values.workspaceDirectory ?? join(home, 'workspaces'),
      commandTimeoutMs: values.commandTimeoutMs,
      isolation: values.commandIsolation,
      reconcileIntervalMs: values.reconcileIntervalMs,
      idleMs: values.workspaceCleanupTtlMs,
      maxAgeMs: values.workspaceMaxAgeMs,
      quota: values.workspaceQuota,
      cleanupStates: values.workspaceCleanupStates,
    },
    runAs: process.getuid?.() === 0 ? { uid: values.agentUid, gid: values.agentGid } : null,
    environment: { git: gitVariables(environment), commands: commandVariables(environment) },
    repositories: { allowLocal: values.allowLocalRepositories ?? isLoopback(values.host) },
    turns: { maxConcurrent: values.maxConcurrentExecutions, timeoutMs: values.executionTimeoutMs },
    providers: providerConfig(values),
    remote: remoteConfig(values),
    log: { level: values.logLevel, format: values.logFormat },
    print: values.print,
    secrets: secretsOf(values),
  };
}

function providerConfig(values: Settings): Config['providers'] {
  return {
    anthropic: { apiKey: values.anthropicApiKey, baseUrl: values.anthropicBaseUrl },
    openai: { apiKey: values.openaiApiKey, baseUrl: values.openaiBaseUrl },
    openaiCompatible: {
      apiKey: values.openaiCompatibleApiKey,
      baseUrl: values.openaiCompatibleBaseUrl,
    },
    claudeModel: values.claudeModel,
  };
}

function parseSettings(environment: Readonly<NodeJS.ProcessEnv>): Settings {
  const values: Record<string, unknown> = {};
  const wrong: string[] = [];
  const problems: string[] = [];
  for (const [key, setting] of Object.entries<Setting<unknown>>(settings)) {
    const [name, text] = readVariable(environment, setting);
    const parsed = setting.schema.safeParse(text);
    if (parsed.success) {
      values[key] = parsed.data;
      continue;
    }
    wrong.push(name);
    const given = setting.secret ? 'its value (not shown)' : JSON.stringify(text);
    problems.push(`  ${name}: ${given} is not valid; allowed: ${setting.allowed}`);
  }
  if (wrong.length > 0) throw refusal(wrong, problems);
  // Each key of `settings` was parsed by its own schema just above, which TypeScript cannot follow through a loop.
  const settled = values as Settings;
  const conflicts = remoteConflicts(settled);
  if (conflicts.length > 0) {
    throw refusal(
      conflicts.map(({ variable }) => variable),
      conflicts.map(({ variable, message }) => `  ${variable} ${message}`),
    );
  }
  return settled;
}

function refusal(variables: readonly string[], problems: readonly string[]): ConfigError {
  return new ConfigError(variables, ['Shadow cannot start with these settings:', ...problems].join('\n'));
}

/** A variable that is set to nothing counts as not set: compose files and CI pass such for missing ones. */
function readVariable(
  environment: Readonly<NodeJS.ProcessEnv>,
  setting: Setting<unknown>,
): [name: string, text: string | undefined] {
  for (const name of [setting.name, setting.alias]) {
    const text = name === undefined ? undefined : environment[name]?.trim();
    if (name !== undefined && text !== undefined && text !== '') return [name, text];
  }
  return [setting.name, undefined];
}

/** Whether only this machine can reach a server that listens there. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function secretsOf(values: Settings): string[] {
  const keys = [
    values.anthropicApiKey,
    values.openaiApiKey,
    values.openaiCompatibleApiKey,
    values.kubernetesToken,
  ];
  const password = values.databaseUrl === null ? '' : new URL(values.databaseUrl).password;
  return [...keys, values.databaseUrl, password, unescapePercent(password)].filter(
    (secret): secret is string => secret !== null && secret.length >= 6,
  );
}

function unescapePercent(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
