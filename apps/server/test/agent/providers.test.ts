import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenDatabase, openDatabase } from '@shadow/db';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { instantClock } from '../../src/agent/adapters/scripted/scripted-runner.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { Credential, CredentialStore } from '../../src/providers/credential-store.ts';
import type { ProvidersConfig } from '../../src/providers/endpoint.ts';
import { ProviderRegistry, type ProviderRegistryOptions } from '../../src/providers/registry.ts';
import { startAnthropicServer } from '../support/model-servers/anthropic-server.ts';
import { startOpenAiServer } from '../support/model-servers/openai-server.ts';
import type { ModelServer, ModelServerOptions } from '../support/model-servers/scripted-server.ts';
import { createMemoryTask } from './support/memory-turn.ts';

const USER = 'user-1';
const silent = createLogger({ level: 'silent', format: 'json', secrets: [] });
const nothing = { apiKey: null, baseUrl: null };

function config(overrides: Partial<ProvidersConfig> = {}): ProvidersConfig {
  return { anthropic: nothing, openai: nothing, openaiCompatible: nothing, claudeModel: null, ...overrides };
}

function memoryCredentials(): CredentialStore {
  const rows = new Map<string, Credential>();
  const key = (userId: string, provider: string) => `${userId} ${provider}`;
  return {
    get: async (userId, provider) => rows.get(key(userId, provider)) ?? null,
    put: async (userId, provider, credential) => void rows.set(key(userId, provider), credential),
    delete: async (userId, provider) => void rows.delete(key(userId, provider)),
  };
}

function registry(overrides: Partial<ProviderRegistryOptions> = {}): ProviderRegistry {
  return new ProviderRegistry({
    config: config(),
    credentials: memoryCredentials(),
    localEndpoints: [],
    ...overrides,
  });
}

async function serve(format: 'anthropic' | 'openai', options: ModelServerOptions = {}): Promise<ModelServer> {
  const server = await (format === 'anthropic' ? startAnthropicServer : startOpenAiServer)(options);
  onTestFinished(() => server.close());
  return server;
}

const idsOf = async (providers: ProviderRegistry) =>
  (await providers.listModels(USER)).models.filter((model) => model.available).map((model) => model.id);

describe('with nothing configured', () => {
  it('offers the demo, and says of the others what to do', async () => {
    const { models, defaultModel } = await registry().listModels(USER);
    expect(defaultModel).toBe('scripted/demo');
    expect(models.filter((model) => model.available)).toMatchObject([{ name: 'Demo (scripted)' }]);
    const opus = models.find((model) => model.id === 'anthropic/claude-opus-5-5');
    expect(opus?.unavailableReason).toContain('ANTHROPIC_API_KEY');
    expect(opus?.pricing).toEqual({ input: 4, output: 20, cachedInput: 0.2 });
  });

  it.each([
    ['anthropic/claude-opus-5-5', 'PROVIDER_NOT_CONFIGURED'],
    ['openai-compatible/qwen3', 'PROVIDER_NOT_CONFIGURED'],
    ['gpt-5', 'MODEL_UNKNOWN'],
    ['nobody/gpt-5', 'MODEL_UNKNOWN'],
    ['scripted/none', 'MODEL_UNKNOWN'],
    ['anthropic/', 'MODEL_UNKNOWN'],
  ])('refuses %s with %s', async (model, code) => {
    await expect(registry().chooseModel(USER, model)).rejects.toMatchObject({ code });
  });

  it('chooses the demo for a task that names no model', async () => {
    expect(await registry().chooseModel(USER, undefined)).toEqual({
      model: 'scripted/demo',
      runner: 'scripted',
    });
  });

  it('plays scripts that it was given', async () => {
    const scripts = { hello: { turns: [[{ text: 'Hello.' }]] } };
    const providers = registry({ scripted: { scripts, clock: instantClock } });
    await using task = await createMemoryTask('empty');
    task.say('hi');
    await task.run(await providers.createRunner(USER, 'scripted/hello'));
    expect(task.text()).toBe('Hello.');
  });
});

describe('local endpoints', () => {
  it('are found in the background without delaying a request, and are free of charge', async () => {
    const server = await serve('openai', {
      models: ['qwen3:8b', 'nomic-embed-text'],
      replies: [{ text: 'Hi.' }],
    });
    const providers = registry({ localEndpoints: [{ id: 'ollama', name: 'Ollama', baseUrl: server.url }] });
    await providers.settled();
    const { models, defaultModel } = await providers.listModels(USER);
    expect(models.filter((model) => model.provider === 'ollama').map((model) => model.id)).toEqual([
      'ollama/qwen3:8b',
    ]);
    expect(defaultModel).toBe('ollama/qwen3:8b');
    await using task = await createMemoryTask('empty');
    task.say('hi');
    const runner = await providers.createRunner(USER, 'ollama/qwen3:8b');
    expect(await task.run(runner, { budgetUsd: 1 })).toEqual({ status: 'completed' });
    expect(task.usages).toMatchObject([{ inputTokens: 100, costUsd: 0 }]);
  });

  it('that are not there are not listed', async () => {
    const server = await serve('openai');
    await server.close();
    const providers = registry({ localEndpoints: [{ id: 'ollama', name: 'Ollama', baseUrl: server.url }] });
    await providers.settled();
    expect(await idsOf(providers)).toEqual(['scripted/demo']);
  });
});

describe('a configured provider', () => {
  it('plays its models with the key and the address of the environment', async () => {
    const server = await serve('anthropic', { apiKey: 'key-env', replies: [{ text: 'Hi.' }] });
    // Without its version, as other tools take this variable.
    const baseUrl = server.url.replace('/v1', '');
    const providers = registry({ config: config({ anthropic: { apiKey: 'key-env', baseUrl } }) });
    await using task = await createMemoryTask('empty');
    task.say('hi');
    expect(await task.run(await providers.createRunner(USER, 'anthropic/claude-sonnet-5-5'))).toEqual({
      status: 'completed',
    });
    expect(task.usages[0]?.costUsd).toBeCloseTo((100 * 2 + 20 * 10) / 1e6, 10);
    expect(server.requests[0]?.body.thinking).toEqual({ type: 'adaptive', display: 'summarized' });
  });

  it('plays OpenAI models over the Responses API, and gives their sealed reasoning back', async () => {
    const replies = [
      {
        reasoning: 'Hm.',
        text: 'Looking.',
        calls: [{ tool: 'listDirectory', input: {} }],
        usage: { cached: 40 },
      },
      { text: 'Done.' },
    ];
    const server = await serve('openai', { apiKey: 'key-openai', replies });
    const providers = registry({ config: config({ openai: { apiKey: 'key-openai', baseUrl: server.url } }) });
    await using task = await createMemoryTask();
    task.say('hi');
    expect(await task.run(await providers.createRunner(USER, 'openai/gpt-5.4'))).toEqual({
      status: 'completed',
    });
    expect(task.text()).toBe('Looking.Done.');
    expect(task.usages[0]).toMatchObject({ inputTokens: 100, cachedTokens: 40, outputTokens: 20 });
    expect(task.usages[0]?.costUsd).toBeCloseTo((60 * 2.5 + 40 * 0.25 + 20 * 15) / 1e6, 10);
    expect(server.requests[1]?.path).toBe('/v1/responses');
    expect(server.requests[1]?.body.store).toBe(false);
    const [callId] = task.eventsOf('tool-call').map((event) => event.toolCallId);
    expect(server.requests[1]?.body.input).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'reasoning', encrypted_content: 'sealed-3' }),
        expect.objectContaining({ type: 'function_call', call_id: callId }),
        expect.objectContaining({ type: 'function_call_output', call_id: callId }),
      ]),
    );
  });

  it.each([
    [{ status: 401, message: 'Incorrect API key' }, 'PROVIDER_AUTH_FAILED'],
    [{ status: 404, message: 'no such model' }, 'MODEL_UNKNOWN'],
    [{ text: 'Half', cut: true }, 'STREAM_INTERRUPTED'],
    [{ text: 'Half', streamError: { type: 'server_error', message: 'Oops' } }, 'PROVIDER_FAILED'],
  ])('tells failures of the Responses API by code: %j', async (reply, code) => {
    const server = await serve('openai', { replies: () => reply });
    const retryClock = { sleep: async () => undefined, random: () => 0.5 };
    const providers = registry({
      config: config({ openai: { apiKey: 'k', baseUrl: server.url } }),
      retryClock,
    });
    await using task = await createMemoryTask();
    task.say('hi');
    expect(await task.run(await providers.createRunner(USER, 'openai/gpt-5.4'))).toMatchObject({
      status: 'failed',
      error: { code },
    });
  });

  it('lists what its endpoint lists, once that is known', async () => {
    const server = await serve('anthropic', { models: ['claude-haiku-4-5-20251001'] });
    const providers = registry({ config: config({ anthropic: { apiKey: 'k', baseUrl: server.url } }) });
    await providers.listModels(USER);
    await providers.settled();
    expect(await idsOf(providers)).toEqual(['anthropic/claude-haiku-4-5-20251001', 'scripted/demo']);
    expect((await providers.listModels(USER)).models[0]?.pricing).toEqual({
      input: 1,
      output: 5,
      cachedInput: 0.1,
    });
  });

  it('leaves out listed models that cannot be agents', async () => {
    const models = ['gpt-5', 'gpt-4o-realtime-preview', 'text-embedding-3-small', 'whisper-1', 'o3'];
    const server = await serve('openai', { models });
    const providers = registry({ config: config({ openai: { apiKey: 'k', baseUrl: server.url } }) });
    await providers.listModels(USER);
    await providers.settled();
    expect(await idsOf(providers)).toEqual(['openai/gpt-5', 'openai/o3', 'scripted/demo']);
  });

  it('takes CLAUDE_MODEL for tasks that name none', async () => {
    const anthropic = { apiKey: 'k', baseUrl: 'http://127.0.0.1:9' };
    const providers = registry({ config: config({ anthropic, claudeModel: 'claude-haiku-5-5' }) });
    expect(await providers.chooseModel(USER, undefined)).toEqual({
      model: 'anthropic/claude-haiku-5-5',
      runner: 'ai-sdk',
    });
  });

  it('keeps slashes in the ids of an OpenAI-compatible endpoint', async () => {
    const server = await serve('openai', { models: ['qwen/qwen3'], replies: [{ text: 'Hi.' }] });
    const providers = registry({
      config: config({ openaiCompatible: { apiKey: null, baseUrl: server.url } }),
    });
    await using task = await createMemoryTask('empty');
    task.say('hi');
    await task.run(await providers.createRunner(USER, 'openai-compatible/qwen/qwen3'));
    expect(server.requests[0]?.body.model).toBe('qwen/qwen3');
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });
});

describe('settings of a user', () => {
  it('go before the environment and are forgotten on request', async () => {
    const anthropic = { apiKey: 'key-env', baseUrl: null };
    const providers = registry({ config: config({ anthropic }) });
    const sourceOf = async () => (await providers.listProviders(USER))[0]?.keySource;
    expect(await sourceOf()).toBe('environment');
    await providers.updateProvider(USER, 'anthropic', { apiKey: 'key-stored' });
    expect(await sourceOf()).toBe('stored');
    expect((await providers.listProviders('user-2'))[0]?.keySource).toBe('environment');
    await providers.deleteProvider(USER, 'anthropic');
    expect(await sourceOf()).toBe('environment');
  });

  it("never send the environment's key to an address that a user entered", async () => {
    const server = await serve('openai');
    const openaiCompatible = { apiKey: 'key-env', baseUrl: 'https://models.example' };
    const providers = registry({ config: config({ openaiCompatible }) });
    await providers.updateProvider(USER, 'openai-compatible', { baseUrl: server.url });
    expect((await providers.listProviders(USER))[2]).toMatchObject({ keySource: 'none', configured: true });
    await providers.testProvider(USER, 'openai-compatible', {}, new AbortController().signal);
    expect(server.allRequests[0]?.headers.authorization).toBeUndefined();
  });

  it('are refused when they hold nothing', async () => {
    await expect(registry().updateProvider(USER, 'openai', {})).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });
});

describe('the connection test', () => {
  const { signal } = new AbortController();

  it('reports the models of a provider', async () => {
    const server = await serve('anthropic', { apiKey: 'right', models: ['a', 'b'] });
    const settings = { apiKey: 'right', baseUrl: server.url };
    expect(await registry().testProvider(USER, 'anthropic', settings, signal)).toEqual({
      ok: true,
      models: ['a', 'b'],
      error: null,
    });
  });

  it("reports the provider's own words, and no key", async () => {
    const server = await serve('anthropic', { apiKey: 'right' });
    const settings = { apiKey: 'wrong-key-123', baseUrl: server.url };
    const result = await registry().testProvider(USER, 'anthropic', settings, signal);
    expect(result).toMatchObject({ ok: false, error: { code: 'PROVIDER_AUTH_FAILED' } });
    expect(result.error?.message).toContain('invalid x-api-key');
    expect(JSON.stringify(result)).not.toContain('wrong-key-123');
  });

  it('says when nothing answers, when it is another API, and when there is nothing to test', async () => {
    const server = await serve('openai');
    const providers = registry();
    const wrongPath = { baseUrl: `${server.url}/elsewhere` };
    expect(await providers.testProvider(USER, 'openai-compatible', wrongPath, signal)).toMatchObject({
      error: { code: 'MODEL_UNKNOWN' },
    });
    await server.close();
    expect(
      await providers.testProvider(USER, 'openai-compatible', { baseUrl: server.url }, signal),
    ).toMatchObject({
      error: { code: 'PROVIDER_UNREACHABLE' },
    });
    expect(await providers.testProvider(USER, 'openai', {}, signal)).toMatchObject({
      error: { code: 'PROVIDER_NOT_CONFIGURED' },
    });
  });
});

describe('stored keys', () => {
  let database: OpenDatabase;
  let home: string;
  let userId: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'shadow-providers-'));
    database = await openDatabase({ url: null, home, log: silent });
    userId = randomUUID();
    await database.prisma.user.create({ data: { id: userId, name: 'A', email: `${userId}@localhost` } });
  }, 120_000);
  afterAll(async () => {
    await database?.close();
    await rm(home, { recursive: true, force: true });
  });

  const open = () =>
    ProviderRegistry.open({ prisma: database.prisma, home, config: config(), localEndpoints: [] });

  it('are encrypted at rest and open again after a restart', async () => {
    await (await open()).updateProvider(userId, 'anthropic', { apiKey: 'sk-secret-value' });
    const row = await database.prisma.providerCredential.findFirstOrThrow({ where: { userId } });
    expect(Buffer.from(row.encryptedKey ?? []).toString('latin1')).not.toContain('sk-secret');
    expect((await stat(join(home, 'credential-key'))).mode & 0o777).toBe(0o600);
    expect((await (await open()).listProviders(userId))[0]).toMatchObject({
      keySource: 'stored',
      configured: true,
    });
  });

  it('keep a key when only the address changes', async () => {
    const providers = await open();
    await providers.updateProvider(userId, 'anthropic', { baseUrl: 'https://proxy.example/v1' });
    expect((await providers.listProviders(userId))[0]).toEqual({
      provider: 'anthropic',
      keySource: 'stored',
      baseUrl: 'https://proxy.example/v1',
      configured: true,
    });
  });

  it("do not open in another user's row", async () => {
    const other = randomUUID();
    await database.prisma.user.create({ data: { id: other, name: 'B', email: `${other}@localhost` } });
    const row = await database.prisma.providerCredential.findFirstOrThrow({ where: { userId } });
    await database.prisma.providerCredential.create({
      data: { userId: other, provider: 'anthropic', encryptedKey: row.encryptedKey },
    });
    expect((await (await open()).listProviders(other))[0]).toMatchObject({
      keySource: 'none',
      configured: false,
    });
  });

  it('count as not there after the key file was replaced, and say so in the log', async () => {
    const path = join(home, 'credential-key');
    const before = await readFile(path, 'utf8');
    await writeFile(path, Buffer.alloc(32, 1).toString('base64url'));
    const warnings: string[] = [];
    const log = { warn: (_: object, message: string) => warnings.push(message) };
    const providers = await ProviderRegistry.open({
      prisma: database.prisma,
      home,
      config: config(),
      localEndpoints: [],
      log,
    });
    expect((await providers.listProviders(userId))[0]).toMatchObject({ keySource: 'none' });
    expect(warnings).toHaveLength(1);
    await writeFile(path, before);
  });

  it('are forgotten on request', async () => {
    const providers = await open();
    await providers.deleteProvider(userId, 'anthropic');
    expect(await database.prisma.providerCredential.count({ where: { userId } })).toBe(0);
  });

  it('refuse a damaged key file with what to do', async () => {
    const damaged = await mkdtemp(join(tmpdir(), 'shadow-providers-'));
    onTestFinished(() => rm(damaged, { recursive: true, force: true }));
    await writeFile(join(damaged, 'credential-key'), 'short');
    await expect(
      ProviderRegistry.open({ prisma: database.prisma, home: damaged, config: config() }),
    ).rejects.toThrow('is damaged');
  });
});
