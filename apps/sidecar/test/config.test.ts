import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../src/config.ts';

const TOKEN = 'fedcba9876543210';
/** printf fedcba9876543210 | sha256sum */
const DIGEST = '3465f6e6975baa864ca957f0914ecda9bf7eb601ac31ac20a5dc3d329279a843';

const minimal = {
  WORKSPACE_DIR: '/workspace',
  SIDECAR_STATE_DIR: '/state',
  SIDECAR_TOKEN: '0123456789abcdef',
};

describe('the configuration', () => {
  it('has defaults for everything but places and token', () => {
    expect(loadConfig(minimal)).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      runAs: undefined,
      isolation: undefined,
      isSupervised: false,
    });
  });

  it('keeps the token out of the environment of commands', () => {
    const { commandEnvironment } = loadConfig({ ...minimal, HOME: '/home/x', SECRET: 's' });
    expect(commandEnvironment).toEqual({
      PATH: '/usr/local/bin:/usr/bin:/bin',
      LANG: 'C.UTF-8',
      HOME: '/home/x',
    });
  });

  it('names everything that is wrong, and repeats no value', () => {
    const load = () => loadConfig({ SIDECAR_PORT: 'http', SIDECAR_TOKEN: 'short-secret' });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/SIDECAR_PORT[\s\S]*WORKSPACE_DIR[\s\S]*SIDECAR_STATE_DIR[\s\S]*SIDECAR_TOKEN/);
    expect(load).not.toThrow(/short-secret/);
  });

  it('refuses to start without a token', () => {
    expect(() => loadConfig({ ...minimal, SIDECAR_TOKEN: '' })).toThrow(
      /SIDECAR_TOKEN, SIDECAR_TOKEN_FILE or SIDECAR_TOKEN_SHA256/,
    );
  });

  it('reads the token from a file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sidecar-config-'));
    try {
      const file = join(directory, 'token');
      const load = () => loadConfig({ ...minimal, SIDECAR_TOKEN: '', SIDECAR_TOKEN_FILE: file });
      expect(load).toThrow(/cannot be read/);
      writeFileSync(file, 'short\n');
      expect(load).toThrow(/at least 16/);
      writeFileSync(file, `${TOKEN}\n`);
      expect(load().tokenDigest.toString('hex')).toBe(DIGEST);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('takes a digest in place of a token', () => {
    const load = (digest: string) =>
      loadConfig({ ...minimal, SIDECAR_TOKEN: '', SIDECAR_TOKEN_SHA256: digest });
    expect(load(DIGEST).tokenDigest).toEqual(loadConfig({ ...minimal, SIDECAR_TOKEN: TOKEN }).tokenDigest);
    expect(() => load('fedcba9876543210')).toThrow(/SIDECAR_TOKEN_SHA256: not valid; allowed: 64 hex/);
  });

  it('reads identity and isolation', () => {
    expect(
      loadConfig({ ...minimal, SIDECAR_RUN_AS: '1000:1001', SIDECAR_ISOLATION: 'bubblewrap' }),
    ).toMatchObject({
      runAs: { uid: 1000, gid: 1001 },
      isolation: { network: true },
    });
  });
});
