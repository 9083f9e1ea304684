import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessOperations } from '@shadow/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInProcessHost, type ProcessHost } from '../../src/host/index.ts';
import { createProcessOperations } from '../../src/process/index.ts';
import { plainCommand } from '../../src/process/plain-command.ts';
import { makeSandbox, run, type Sandbox } from './harness.ts';

const BASH = '/bin/bash';
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nowhere' };

let sandbox: Sandbox;
let host: ProcessHost;
let operations: ProcessOperations;

beforeAll(async () => {
  sandbox = makeSandbox();
  host = await createInProcessHost();
  operations = createProcessOperations(sandbox.context, host);
  const { root } = sandbox.context;
  const program = (name: string, text: string, mode = 0o755) => {
    writeFileSync(join(root, name), text);
    chmodSync(join(root, name), mode);
  };
  program('script', '#!/bin/sh\necho "$0" "$#" "$@" "$PWD" "$SHLVL" "$_"\n');
  program('without-first-line', 'echo "$BASH_VERSION" "$@"\n');
  program('without-interpreter', '#!/nowhere/interpreter\n');
  program('not-executable', '#!/bin/sh\n', 0o644);
  program('empty', '');
  mkdirSync(join(root, 'directory'));
  symlinkSync('script', join(root, 'link'));
});

afterAll(async () => {
  await host.close();
  sandbox[Symbol.dispose]();
});

function planOf(command: string, env: Record<string, string> = ENVIRONMENT, shell = BASH) {
  return plainCommand(shell, { command, cwd: sandbox.context.root, env });
}

/** The same line in a form that only a shell can read. */
function throughShell(command: string): string {
  return command.replace(/^\s*(\S+)/, '"$1"');
}

describe('a line that is only a program and its arguments', () => {
  it.each([
    'env',
    '/usr/bin/env',
    '  env \t',
    './script a=b --c=d,e x:y %z @w +1',
    'script',
    './link one',
    'ls -l .',
    'cat /proc/self/cmdline',
    './without-first-line a',
    './without-interpreter',
    './not-executable',
    './empty',
    './directory',
    'directory',
    './missing',
    'no-such-program-anywhere --help',
    'false',
    'printf',
    'sleep nonsense',
    'env -i /bin/sh -c true',
  ])('does what bash makes of it: %s', async (command) => {
    const [direct, shell] = [await run(operations, command), await run(operations, throughShell(command))];
    const shown = ({ stdout, stderr, process: { state, exitCode, signal } }: typeof direct) => ({
      // A shell may hand the environment on in another order.
      stdout: stdout
        .replace(/SHADOW_PROCESS_ID=\S+/, '')
        .split('\n')
        .sort(),
      stderr: stderr.replace(/line \d+: /, ''),
      state,
      exitCode,
      signal,
    });
    expect(shown(direct)).toEqual(shown(shell));
  });

  it('needs no shell where the program is found', () => {
    expect(planOf('env -i')).toMatchObject({ file: '/usr/bin/env', argv0: 'env', args: ['-i'] });
    expect(planOf('./link one')).toMatchObject({ argv0: './link', args: ['one'] });
  });

  it('is the program itself to whoever signals it', async () => {
    const ended = await run(operations, { command: 'sleep 600', timeoutMs: 300 });
    expect(ended.process).toMatchObject({ state: 'timed-out' });
  });
});

describe('a line that bash has a say in', () => {
  it.each([
    ...[
      'echo hi',
      'cd /',
      '. script',
      ': x',
      'time env',
      'exit',
      'true',
      'kill 1',
      'type env',
      'if',
      '[ a ]',
    ],
    ...[
      'A=b env',
      'env; env',
      'env | cat',
      'env &',
      'env > x',
      'env *',
      'env ?',
      'env [a]',
      'env ~',
      'env $A',
    ],
    ...['env "a"', "env 'a'", 'env \\a', 'env `a`', 'env {a,b}', 'env # c', '! env', 'env\nenv', 'env a\n'],
    ...['( env )', '%1', 'env !x', 'env ^a^b', 'env ü', 'no-such-program', './directory', './not-executable'],
    ...['./empty', './without-first-line', ''],
  ])('goes to bash: %j', (command) => {
    expect(planOf(command)).toBeUndefined();
  });

  it.each([
    'BASH_ENV',
    'BASH_FUNC_env%%',
    'PWD',
    'SHLVL',
    'IFS',
    'SHELLOPTS',
    'OLDPWD',
    'UID',
    'PS4',
    '_',
    'OPTIND',
  ])('goes to bash where %s is set, which it takes for itself', (name) => {
    expect(planOf('env', { ...ENVIRONMENT, [name]: 'x' })).toBeUndefined();
  });

  it('goes to bash where a place on the PATH depends on the directory', () => {
    expect(planOf('env', { PATH: '.:/usr/bin' })).toBeUndefined();
    expect(planOf('env', { PATH: '/usr/bin:.' })).toBeDefined();
    expect(planOf('env', {})).toBeUndefined();
  });

  it('goes to a shell that is not bash', () => {
    expect(planOf('env', ENVIRONMENT, '/bin/sh')).toBeUndefined();
  });

  it('goes to bash with any character that is more than itself, wherever it stands', () => {
    const special = fc.constantFrom(...'|&;()<>$`\\"\'*?[]{}~#!^\n\r\0');
    const word = fc.stringMatching(/^[a-z=%.,/-]{0,6}$/);
    fc.assert(
      fc.property(word, special, word, (before, character, after) => {
        expect(planOf(`env ${before}${character}${after}`)).toBeUndefined();
      }),
    );
  });
});
