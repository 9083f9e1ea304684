import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { settings } from '../../src/config/settings.ts';
import { loadConfig } from '../../src/config.ts';

const FILE = fileURLToPath(new URL('../../../../docker-compose.yml', import.meta.url));

const Compose = z.object({
  services: z.record(
    z.string(),
    z.looseObject({
      environment: z.record(z.string(), z.string()),
      healthcheck: z.looseObject({ test: z.array(z.string()) }),
      volumes: z.array(z.string()),
      ports: z.array(z.string()).default([]),
    }),
  ),
  volumes: z.record(z.string(), z.unknown()),
});

/** Programs that say what they make of such a file. */
const TOOLS = [['docker', 'compose'], ['docker-compose'], ['podman-compose']];

const compose = async () => Compose.parse(parse(await readFile(FILE, 'utf8')));
const config = (tool: readonly string[], environment: NodeJS.ProcessEnv) => {
  const [program = '', ...args] = tool;
  return spawnSync(program, [...args, '--file', FILE, 'config'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...environment },
  });
};
const tool = TOOLS.find((candidate) => config(candidate, { POSTGRES_PASSWORD: 'secret' }).status === 0);
if (tool === undefined) console.warn('SKIPPED: nothing here reads a Compose file');

describe('docker-compose.yml', () => {
  it('runs the server and a PostgreSQL that both keep what they have and say when they are well', async () => {
    const { services, volumes } = await compose();
    expect(Object.keys(services).sort()).toEqual(['database', 'server']);
    for (const service of Object.values(services)) {
      expect(service.healthcheck.test.length).toBeGreaterThan(1);
      expect(Object.keys(volumes)).toContain(service.volumes[0]?.split(':')[0]);
    }
    expect(services.server).toMatchObject({ depends_on: { database: { condition: 'service_healthy' } } });
  });

  it('is reached from this machine alone, and the database by the server alone', async () => {
    const { services } = await compose();
    expect(services.server?.ports.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
    expect(services.database?.ports).toEqual([]);
  });

  it('gives the server settings that there are', async () => {
    const { services } = await compose();
    const names = Object.values(settings).map(({ name }) => name);
    const environment = services.server?.environment ?? {};
    expect(names).toEqual(expect.arrayContaining(Object.keys(environment)));
    const fixed = Object.entries(environment).filter(([, value]) => !value.includes('${'));
    expect(loadConfig(Object.fromEntries(fixed)).agentMode).toBe('local');
  });

  it.skipIf(tool === undefined)('publishes no password: without one of your own it refuses', () => {
    const refused = config(tool ?? [], {});
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('POSTGRES_PASSWORD');
    expect(config(tool ?? [], { POSTGRES_PASSWORD: 'secret' }).stdout).toContain('shadow:secret@database');
  });
});
