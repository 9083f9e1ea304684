import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from './support/run-cli.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'shadow-doctor-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const doctor = (env: Record<string, string>) =>
  runCli(['doctor'], { env: { SHADOW_HOME: home, API_PORT: '0', ...env } });

it('says in doctor that commands are not isolated where that is so', async () => {
  const { stdout } = await doctor({ COMMAND_ISOLATION: 'none' });
  expect(stdout).toContain('✓ commands are not isolated (COMMAND_ISOLATION=none)');
  const without = await doctor({ PATH: '/nonexistent' });
  expect(without.stdout).toContain('✓ bubblewrap is not installed: commands have the rights of their user');
});

it('says in doctor that the bubblewrap which is asked for is missing', async () => {
  const { code, stdout } = await doctor({ PATH: '/nonexistent', COMMAND_ISOLATION: 'bubblewrap-offline' });
  expect(code).toBe(1);
  expect(stdout).toContain(
    '✗ bubblewrap is not installed, and COMMAND_ISOLATION=bubblewrap-offline needs it\n    Install it',
  );
});
