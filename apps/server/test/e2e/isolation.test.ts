import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { type RunningServer, runTask, startServer } from '../support/running-server.ts';
import { command, resultsOf, SCRIPTED, scriptPrompt } from '../support/script.ts';

const isRoot = process.getuid?.() === 0;
const CLI = fileURLToPath(new URL('../../../cli/bin/shadow.mjs', import.meta.url));
const ORDINARY = { uid: 65_534, gid: 65_534 };
const SECRET = 'sk-ant-secret-0123456789abcdef';
const resources = new AsyncDisposableStack();
let directory: string;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
});
afterAll(() => resources.disposeAsync());

describe('a server that runs as root', () => {
  let server: RunningServer;
  let repository: string;

  beforeAll(async () => {
    if (!isRoot) return;
    repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
    const environment = { ANTHROPIC_API_KEY: SECRET, SHADOW_TEST_SECRET: SECRET };
    server = resources.use(await startServer(join(directory, 'root-home'), environment));
  });

  /** What a shell line of an agent prints, and how it ends. */
  async function asAgent(line: string): Promise<{ text: string; exitCode: number | null }> {
    const prompt = scriptPrompt('Try', [command(line), { text: 'Done.' }]);
    const { events } = await runTask(server, { repository, prompt, model: SCRIPTED });
    const result = resultsOf(events, 'executeCommand')[0];
    expect(result).toBeDefined();
    return { text: result?.preview ?? '', exitCode: result?.exitCode ?? null };
  }

  it.skipIf(!isRoot)('runs commands without root’s rights', async () => {
    // A program does what the judge of command lines cannot see.
    await writeFile(
      join(repository, 'try.cjs'),
      `for (const path of ['/etc/shadow-was-here', '/root/shadow-was-here'])
        try { require('fs').writeFileSync(path, ''); console.log('WROTE', path); } catch (error) { console.log(error.code); }
      try { process.kill(${server.pid}, 'SIGKILL'); console.log('KILLED'); } catch (error) { console.log(error.code); }
      console.log('uid', process.getuid(), process.getgroups().join());`,
    );
    await git(repository, 'add', '--all');
    await git(repository, 'commit', '--quiet', '--message', 'A program that tries');
    const { text } = await asAgent('node try.cjs');
    expect(text).toMatch(/uid 65534/);
    expect(text).not.toMatch(/WROTE|KILLED/);
    expect(await server.api.getHealth()).toMatchObject({ status: 'ok' });
  });

  it.skipIf(!isRoot)('keeps the secrets of its home from them', async () => {
    const names = [
      'cli-key',
      'credential-key',
      'auth-secret',
      'server.json',
      'postgres',
      'host',
      'git',
      'archives',
      'mirrors',
      'state',
    ];
    const { execPath } = process;
    const paths = names.map((name) => `'${join(server.home, name)}'`).join(' ');
    const { text } = await asAgent(
      `for path in ${paths}; do if [ -d "$path" ]; then ls "$path" >/dev/null 2>&1 && echo "OPEN $path"; else cat "$path" >/dev/null 2>&1 && echo "OPEN $path"; fi; done; echo finished; test -x '${execPath}'`,
    );
    expect(text).toContain('finished');
    expect(text).not.toContain('OPEN');
    const key = (await readFile(join(server.home, 'cli-key'), 'utf8')).trim();
    const searched = await asAgent(
      `grep -rs '${key.slice(0, 12)}' '${server.home}' | head -3; echo finished`,
    );
    // The line itself holds the text that is looked for; its output must not.
    expect(searched.text.split('finished')[0]).not.toContain(key);
  });

  it.skipIf(!isRoot)('keeps its environment from them', async () => {
    const { text } = await asAgent(
      `env; cat /proc/${server.pid}/environ | tr '\\0' '\\n'; ls /proc/${server.pid}/fd; echo finished`,
    );
    expect(text).toContain('finished');
    expect(text).not.toContain(SECRET);
    expect(text).not.toMatch(/ANTHROPIC|SHADOW_TEST|DATABASE_URL/);
    const others = await asAgent(
      "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c SHADOW_TEST; echo finished",
    );
    expect(others.text).toMatch(/(^|\s)0\s/);
  });
});

describe('a server that runs as an ordinary user', () => {
  /** Runs a program as another user where this one is root, else as it is. */
  function asOrdinary(home: string, args: string[]) {
    const { PATH = '' } = process.env;
    const identity = isRoot ? ORDINARY : {};
    const child = spawn(process.execPath, args, {
      env: { PATH, HOME: home, SHADOW_HOME: join(home, '.shadow'), LANG: 'C.UTF-8' },
      cwd: home,
      ...identity,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    return new Promise<{ code: number | null; output: string }>((resolve) => {
      child.on('close', (code) => resolve({ code, output }));
    });
  }

  /** Whether that user can run this Node and read this checkout. */
  function isReachable(): boolean {
    try {
      const script = `require('fs').readFileSync(${JSON.stringify(CLI)})`;
      execFileSync(process.execPath, ['-e', script], {
        stdio: 'ignore',
        cwd: '/',
        ...(isRoot ? ORDINARY : {}),
      });
      return true;
    } catch {
      return false;
    }
  }

  it('completes the demo from the command line, and keeps its data to that user', async ({ skip }) => {
    skip(!isReachable(), 'an ordinary user can reach neither this Node nor this checkout');
    const home = join(directory, 'ordinary');
    mkdirSync(home);
    chmodSync(home, 0o700);
    if (isRoot) chownSync(home, ORDINARY.uid, ORDINARY.gid);
    const args = [CLI, 'run', '--repo', 'sample', '--model', SCRIPTED, 'Mend the parser'];
    const { code, output } = await asOrdinary(home, args);
    expect(output).toMatch(/Ready for review \(\+\d+ −\d+\)/);
    expect(code).toBe(0);
    const listed = execFileSync(
      'find',
      [home, '-perm', '/077', '-not', '-type', 'l', '-path', '*.shadow/*key*'],
      { encoding: 'utf8' },
    );
    expect(listed).toBe('');
  });
});
