import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settingsTable, withSettingsTable } from '../../src/config/documentation.ts';
import { settings } from '../../src/config/settings.ts';
import { ConfigError, loadConfig } from '../../src/config.ts';

/** Who runs agents' commands is a question only for root. */
const isRoot = process.getuid?.() === 0;

function errorOf(environment: NodeJS.ProcessEnv): ConfigError {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('configuration', () => {
  it('needs no variable at all', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      home: join(homedir(), '.shadow'),
      agentMode: 'local',
      http: { host: '127.0.0.1', port: 4000, basePath: '', publicUrl: null },
      database: { url: null },
      workspaces: {
        directory: join(homedir(), '.shadow', 'workspaces'),
        commandTimeoutMs: 300_000,
      },
      runAs: isRoot ? { uid: 65_534, gid: 65_534 } : null,
      repositories: { allowLocal: true },
      turns: { maxConcurrent: 5, timeoutMs: 600_000 },
      log: { level: 'info', format: 'text' },
      print: 'text',
      secrets: [],
    });
  });

  it('reads every variable it documents', () => {
    const config = loadConfig({
      SHADOW_HOME: '/srv/shadow',
      API_PORT: '0',
      API_HOST: '0.0.0.0',
      BASE_PATH: '/a/b',
      PUBLIC_URL: 'https://shadow.example.com',
      AGENT_MODE: 'mock',
      DATABASE_URL: 'postgresql://u:pass%20word@db/shadow',
      WORKSPACE_BASE_DIR: '/srv/work',
      MAX_CONCURRENT_EXECUTIONS: '2',
      EXECUTION_TIMEOUT_MS: '1000',
      COMMAND_TIMEOUT_MS: '2000',
      COMMAND_ISOLATION: 'none',
      WORKSPACE_CLEANUP_TTL_MS: '3000',
      WORKSPACE_MAX_AGE_MS: '400000',
      WORKSPACE_QUOTA: '7',
      WORKSPACE_CLEANUP_STATES: 'stopped,failed',
      RECONCILE_INTERVAL_MS: '5000',
      ANTHROPIC_API_KEY: 'key-anthropic',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:1',
      CLAUDE_MODEL: 'claude-x',
      OPENAI_API_KEY: 'key-openai',
      OPENAI_BASE_URL: 'http://127.0.0.1:2',
      OPENAI_COMPATIBLE_BASE_URL: 'http://127.0.0.1:3/v1',
      OPENAI_COMPATIBLE_API_KEY: 'key-compatible',
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'json',
      SHADOW_PRINT: 'json',
      AGENT_UID: '1000',
      AGENT_GID: '1001',
      ALLOW_LOCAL_REPOSITORIES: 'true',
    });
    expect(config).toEqual({
      home: '/srv/shadow',
      agentMode: 'mock',
      http: { host: '0.0.0.0', port: 0, basePath: '/a/b', publicUrl: 'https://shadow.example.com' },
      database: { url: 'postgresql://u:pass%20word@db/shadow' },
      workspaces: {
        directory: '/srv/work',
        commandTimeoutMs: 2000,
        isolation: 'none',
        idleMs: 3000,
        maxAgeMs: 400_000,
        quota: 7,
        cleanupStates: ['stopped', 'failed'],
        reconcileIntervalMs: 5000,
      },
      runAs: isRoot ? { uid: 1000, gid: 1001 } : null,
      environment: { git: expect.any(Object), commands: expect.any(Object) },
      repositories: { allowLocal: true },
      turns: { maxConcurrent: 2, timeoutMs: 1000 },
      providers: {
        anthropic: { apiKey: 'key-anthropic', baseUrl: 'http://127.0.0.1:1' },
        openai: { apiKey: 'key-openai', baseUrl: 'http://127.0.0.1:2' },
        openaiCompatible: { apiKey: 'key-compatible', baseUrl: 'http://127.0.0.1:3/v1' },
        claudeModel: 'claude-x',
      },
      remote: loadConfig({}).remote,
      log: { level: 'debug', format: 'json' },
      print: 'json',
      secrets: [
        'key-anthropic',
        'key-openai',
        'key-compatible',
        'postgresql://u:pass%20word@db/shadow',
        'pass%20word',
        'pass word',
      ],
    });
  });

  it('takes a variable that is set to nothing as not set', () => {
    expect(loadConfig({ API_PORT: '', DATABASE_URL: '  ' })).toEqual(loadConfig({}));
  });

  it('prefers a name over its alias', () => {
    const config = loadConfig({ WORKSPACE_DIR: '/one', WORKSPACE_BASE_DIR: '/two' });
    expect(config.workspaces.directory).toBe('/one');
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['192.168.1.2', false],
    ['127.example.com', false],
  ])('allows local repositories by default on %s: %s', (host, allowed) => {
    expect(loadConfig({ API_HOST: host }).repositories.allowLocal).toBe(allowed);
  });

  it('lets agents’ commands and git see allow-listed variables only', () => {
    const environment = { PATH: '/bin', OPENAI_API_KEY: 'key-openai', HTTPS_PROXY: 'http://p', TZ: 'UTC' };
    expect(loadConfig(environment).environment).toEqual({
      commands: { PATH: '/bin', LANG: 'C.UTF-8', TZ: 'UTC' },
      git: { PATH: '/bin', HTTPS_PROXY: 'http://p' },
    });
  });

  it('names every wrong variable at once with what is allowed', () => {
    const error = errorOf({ API_PORT: 'abc', BASE_PATH: '/x/', AGENT_MODE: 'cloud', LOG_LEVEL: 'info' });
    expect(error.variables).toEqual(['API_PORT', 'BASE_PATH', 'AGENT_MODE']);
    expect(error.message).toContain('API_PORT: "abc" is not valid; allowed: a whole number from 0 to 65535');
    expect(error.message).toContain('AGENT_MODE: "cloud" is not valid; allowed: local, remote or mock');
  });

  it('does not repeat a secret in its message', () => {
    const error = errorOf({ DATABASE_URL: 'mysql://root:hunter22@db/x' });
    expect(error.message).toContain('DATABASE_URL');
    expect(error.message).not.toContain('hunter22');
  });

  it.each([
    { API_PORT: '65536' },
    { API_PORT: '-1' },
    { API_PORT: '4e3' },
    { BASE_PATH: 'shadow' },
    { BASE_PATH: '/a/../b' },
    { BASE_PATH: '/"><script>' },
    { PUBLIC_URL: 'https://example.com/shadow' },
    { PUBLIC_URL: 'ftp://example.com' },
    { WORKSPACE_DIR: 'relative' },
    { MAX_CONCURRENT_EXECUTIONS: '0' },
    { EXECUTION_TIMEOUT_MS: '0.5' },
    { AGENT_UID: '0' },
    { ALLOW_LOCAL_REPOSITORIES: 'maybe' },
    { OPENAI_BASE_URL: 'not a url' },
  ])('refuses %j', (environment) => {
    expect(errorOf(environment).variables).toEqual(Object.keys(environment));
  });

  it('is documented in docs/configuration.md as it is', async () => {
    const page = await readFile(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
    expect(withSettingsTable(page, settingsTable(settings))).toBe(page);
  });
});
