import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBubblewrap } from '@shadow/workspace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { type RunningServer, runTask, startServer } from '../support/running-server.ts';
import { command, resultsOf, SCRIPTED, scriptPrompt } from '../support/script.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;
const bubblewrap = await findBubblewrap(isRoot ? { uid: 65_534, gid: 65_534 } : undefined);
const resources = new AsyncDisposableStack();
let directory: string;
let repository: string;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
  await chmod(directory, 0o755);
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
});
afterAll(() => resources.disposeAsync());

/** What the shell lines of an agent print, one after the other in one task. */
async function linesOf(server: RunningServer, ...lines: string[]): Promise<string[]> {
  const prompt = scriptPrompt('Try', [...lines.map((line) => command(line)), { text: 'Done.' }]);
  const { events } = await runTask(server, { repository, prompt, model: SCRIPTED });
  return resultsOf(events, 'executeCommand').map(({ preview }) => preview ?? '');
}

describe.runIf(bubblewrap !== undefined)('commands inside bubblewrap', () => {
  let server: RunningServer;
  let home: string;

  beforeAll(async () => {
    home = join(directory, 'isolated');
    server = resources.use(await startServer(home, { COMMAND_ISOLATION: 'bubblewrap' }));
  });

  it('are told as a capability', async () => {
    expect((await server.api.getMe()).capabilities).toMatchObject({ isolation: 'bubblewrap' });
  });

  it('work on their working copy, with a home and a temporary directory that last', async () => {
    const [made, found] = await linesOf(
      server,
      'echo kept > "$HOME/kept" && echo kept > "$TMPDIR/kept" && echo changed > readme.md && git status --short',
      'cat "$HOME/kept" "$TMPDIR/kept" readme.md; mktemp -d >/dev/null && echo made',
    );
    expect(made).toContain('M readme.md');
    expect(found).toMatch(/kept\s+kept\s+changed\s+made/);
  });

  it('find the programs of the server’s PATH', async () => {
    const [text] = await linesOf(server, 'node -e "console.log(6 * 7)"; git --version');
    expect(text).toContain('42');
    expect(text).toContain('git version');
  });

  it('see nothing of SHADOW_HOME but their own workspace', async () => {
    // Readable by everybody, so that nothing but the isolation hides it.
    await writeFile(join(home, 'open'), 'secret-of-the-home', { mode: 0o644 });
    const [text] = await linesOf(
      server,
      `ls -a '${home}' '${home}/workspaces'; cat '${home}/open'; echo finished`,
    );
    expect(text).toContain('finished');
    expect(text).not.toContain('secret-of-the-home');
    expect(text).not.toMatch(/cli-key|postgres|mirrors|archives/);
  });

  it('see no other task’s workspace', async () => {
    const other = await runTask(server, {
      repository,
      prompt: scriptPrompt('Hide', [
        command('echo secret-of-the-other > hidden; chmod a+rx . ..'),
        { text: 'Done.' },
      ]),
      model: SCRIPTED,
    });
    const path = join(home, 'workspaces', other.task.id);
    const [text] = await linesOf(
      server,
      `ls '${home}/workspaces'; ls '${path}'; cat '${path}/repo/hidden'; grep -rs secret-of '${home}'; echo finished`,
    );
    expect(text).toContain('finished');
    expect(text?.replace(/grep -rs secret-of/, '')).not.toContain('secret-of-the-other');
  });

  it('see no home and no other process', async () => {
    const [text] = await linesOf(
      server,
      `ls -A /root /home '${process.env.HOME}'; ls -d /proc/[0-9]* | wc -l; kill -0 ${server.pid}; echo finished`,
    );
    expect(text).toContain('finished');
    const count = Number(/^(\d+)$/m.exec(text ?? '')?.[1]);
    expect(count).toBeLessThan(10);
    expect(text).toMatch(/No such process/);
    expect(text).not.toMatch(/\.bash|\.ssh|\.npm|\.profile/);
  });

  it('reach the network only where they may', async () => {
    const listener = createServer((_, response) => response.end('reached'));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const ask = `fetch('http://127.0.0.1:${port}').then((r) => r.text()).then(console.log, () => console.log('refused'))`;
    const line = `node -e "${ask}"; echo finished`;
    expect((await linesOf(server, line))[0]).toContain('reached');
    await using offline = await startServer(join(directory, 'offline'), {
      COMMAND_ISOLATION: 'bubblewrap-offline',
    });
    const [text] = await linesOf(offline, line);
    expect(text).toContain('finished');
    expect(text).not.toContain('reached');
    listener.close();
  });
});

describe('the setting of isolation', () => {
  it('is off where it is set to none', async () => {
    await using server = await startServer(join(directory, 'open-home'), { COMMAND_ISOLATION: 'none' });
    expect((await server.api.getMe()).capabilities).toMatchObject({ isolation: 'none' });
    const [text] = await linesOf(server, 'ls -d /proc/[0-9]* | wc -l');
    expect(Number(/^(\d+)$/m.exec(text ?? '')?.[1])).toBeGreaterThan(5);
  });

  it('takes bubblewrap by itself where it works', async () => {
    await using server = await startServer(join(directory, 'auto-home'));
    const isolation = bubblewrap === undefined ? 'none' : 'bubblewrap';
    expect((await server.api.getMe()).capabilities).toMatchObject({ isolation });
  });

  it('keeps the server from starting without the bubblewrap that is asked for', async ({ skip }) => {
    skip(bubblewrap !== undefined && !isRoot, 'only root can hide a program that is installed');
    const home = join(directory, 'refused');
    await mkdir(home);
    const hidden = `mount --bind /bin/false '${bubblewrap}' && exec "$0" "$@"`;
    const args = bubblewrap === undefined ? [] : ['unshare', '--mount', 'sh', '-c', hidden];
    const [file = '', ...rest] = [...args, process.execPath, MAIN];
    const { PATH, HOME } = process.env;
    const child = spawn(file, rest, {
      env: { PATH, HOME, SHADOW_HOME: home, API_PORT: '0', COMMAND_ISOLATION: 'bubblewrap' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(1);
    expect(said).toMatch(/COMMAND_ISOLATION=bubblewrap: bubblewrap is not installed, or .* may not use it/);
  });
});
