import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { captureLoginEnvironment } from '../../src/process/index.ts';
import { makeSandbox } from './harness.ts';

describe('the login environment', () => {
  it('holds what the profile set and the allow-list lets through, whatever the profile prints', async () => {
    using sandbox = makeSandbox();
    const home = join(sandbox.directory, 'home');
    mkdirSync(home);
    writeFileSync(
      join(home, '.bash_profile'),
      'echo noise; echo more >&2\nexport PATH="$HOME/bin:$PATH" NVM_DIR="$HOME/.nvm" AWS_SECRET_ACCESS_KEY=x MINE="a\nb"\n',
    );
    const base = { HOME: home, PATH: '/usr/bin:/bin', USER: 'somebody', API_TOKEN: 'secret' };
    const environment = await captureLoginEnvironment({ base, allow: ['MINE'] });
    expect(environment.PATH).toContain(`${home}/bin:`);
    expect(environment).toMatchObject({
      HOME: home,
      USER: 'somebody',
      NVM_DIR: `${home}/.nvm`,
      MINE: 'a\nb',
    });
    expect(environment).not.toHaveProperty('AWS_SECRET_ACCESS_KEY');
    expect(environment).not.toHaveProperty('API_TOKEN');
  });

  it('is the base where the profile hangs', async () => {
    using sandbox = makeSandbox();
    writeFileSync(join(sandbox.directory, '.bash_profile'), 'sleep 1000\n');
    const base = { HOME: sandbox.directory, PATH: '/usr/bin:/bin' };
    expect(await captureLoginEnvironment({ base, timeoutMs: 200 })).toEqual(base);
  });

  it('does not wait for a daemon that the profile starts', async () => {
    using sandbox = makeSandbox();
    writeFileSync(join(sandbox.directory, '.bash_profile'), 'sleep 1000 &\nexport GOPATH=/go\n');
    const base = { HOME: sandbox.directory, PATH: '/usr/bin:/bin' };
    expect(await captureLoginEnvironment({ base })).toMatchObject({ GOPATH: '/go' });
  });
});
