import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { remoteSettings } from '../../src/config/remote-settings.ts';
import { settings } from '../../src/config/settings.ts';
import { loadConfig } from '../../src/config.ts';

const FILE = new URL('../../../../production-config.example.env', import.meta.url);

/** Kubernetes sets these in every pod. */
const SET_BY_KUBERNETES = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'];

describe('production-config.example.env', () => {
  let text: string;
  let active: Record<string, string>;
  let all: [name: string, value: string][];

  const parse = (lines: string): Record<string, string> =>
    Object.fromEntries(Object.entries(parseEnv(lines)).map(([name, value]) => [name, value ?? '']));

  beforeAll(async () => {
    text = await readFile(FILE, 'utf8');
    active = parse(text);
    all = Object.entries(parse(text.replace(/^#(?=[A-Z0-9_]+=)/gm, '')));
  });

  it('starts a server in remote mode', () => {
    const config = loadConfig(active);
    expect(config.agentMode).toBe('remote');
    expect(config.database.url).toMatch(/^postgresql:/);
  });

  it('names only settings that there are, each with a value that is allowed', () => {
    const names = Object.values(settings).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(all.map(([name]) => name)));
    for (const [name, value] of all) expect(() => loadConfig({ [name]: value }), name).not.toThrow();
  });

  it('leaves out nothing of remote mode', () => {
    const names = Object.values(remoteSettings).map(({ name }) => name);
    const wanted = names.filter((name) => !SET_BY_KUBERNETES.includes(name));
    expect(all.map(([name]) => name)).toEqual(expect.arrayContaining(wanted));
  });

  it('is what kubectl and Compose read: a name and a value a line, without quotes', () => {
    for (const line of text.split('\n')) expect(line).toMatch(/^(#.*|[A-Z0-9_]+=[^'"\s]+|)$/);
    expect(Object.keys(active)).not.toHaveLength(0);
  });
});
