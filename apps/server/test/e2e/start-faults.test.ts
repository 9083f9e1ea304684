import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/git-repository.ts';
import { findProcesses, isRunning } from '../support/processes.ts';
import { failedStart, runTask, startServer } from '../support/running-server.ts';
import { SCRIPTED } from '../support/script.ts';

const CLI = fileURLToPath(new URL('../../../cli/bin/shadow.mjs', import.meta.url));
const resources = new AsyncDisposableStack();
let directory: string;
let homes = 0;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
});
afterAll(() => resources.disposeAsync());

function newHome(): string {
  homes += 1;
  return join(directory, `home-${homes}`);
}

/** `shadow run` on a home, as a person would type it. */
function shadowRun(home: string, environment: Record<string, string> = {}) {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, SHADOW_HOME: home, ...environment };
  const args = [CLI, 'run', '--repo', 'sample', '--model', SCRIPTED, 'Mend the parser'];
  return new Promise<{ code: number; output: string }>((resolve) => {
    execFile(process.execPath, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr });
    });
  });
}

async function occupy(): Promise<{ port: number; server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, server };
}

/** A message for people: the cause, and no stack of ours. */
function expectPlain(text: string): void {
  expect(text).not.toMatch(/\n\s+at .*\.ts:\d+/);
}

describe('a port that another program uses', () => {
  it('stops the start with a message that names the port and the setting, and leaves nothing running', async () => {
    const { port, server } = await occupy();
    const home = newHome();
    const { code, stderr } = await failedStart(home, { API_PORT: String(port) });
    server.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is in use by another program.*API_PORT`),
    );
    expectPlain(stderr);
    expect(await findProcesses(home)).toEqual([]);
    // What the refused start made is whole: the next one works on it.
    await using next = await startServer(home);
    expect(await next.api.getHealth()).toEqual({ status: 'ok', database: 'ok' });
  });
});

describe('a second start on the same home', () => {
  it('is refused with the pid of the first, which goes on undisturbed', async () => {
    const home = newHome();
    await using first = await startServer(home);
    const { code, stderr } = await failedStart(home);
    expect(code).toBe(1);
    expect(stderr).toContain(home);
    expect(stderr).toContain(String(first.pid));
    expectPlain(stderr);
    const file = JSON.parse(await readFile(join(home, 'server.json'), 'utf8'));
    expect(file).toMatchObject({ pid: first.pid, url: first.url });
    const { task } = await runTask(first, { repository: 'sample', prompt: 'Mend it', model: SCRIPTED });
    expect(task.status).toBe('ready-for-review');
  });
});

describe('a DATABASE_URL that leads nowhere', () => {
  const databaseUrl = 'postgresql://shadow:pass-hunter22@127.0.0.1:9/shadow';

  it('stops the start with host and port and without the password', async () => {
    const { code, stderr } = await failedStart(newHome(), { DATABASE_URL: databaseUrl });
    expect(code).toBe(1);
    expect(stderr).toMatch(/The database at 127\.0\.0\.1:9 cannot be reached: nothing listens there/);
    expect(stderr).not.toContain('hunter22');
    expectPlain(stderr);
  });

  it('is told by the command line too', async () => {
    const { code, output } = await shadowRun(newHome(), { DATABASE_URL: databaseUrl });
    expect(code).toBe(1);
    expect(output).toMatch(/127\.0\.0\.1:9 cannot be reached/);
    expect(output).not.toContain('hunter22');
    expectPlain(output);
  });
});

describe('a configuration that is not valid', () => {
  it('stops the start and lists every wrong variable with what is allowed', async () => {
    const { code, stderr } = await failedStart(newHome(), {
      API_PORT: '99999',
      AGENT_MODE: 'cloud',
      DATABASE_URL: 'mysql://root:hunter22@db/x',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/API_PORT: "99999" is not valid; allowed: a whole number from 0 to 65535/);
    expect(stderr).toMatch(/AGENT_MODE: "cloud" is not valid; allowed: local, remote or mock/);
    expect(stderr).toMatch(/DATABASE_URL: its value \(not shown\)/);
    expect(stderr).not.toContain('hunter22');
    expectPlain(stderr);
  });

  it('is told by the command line too', async () => {
    const { code, output } = await shadowRun(newHome(), { AGENT_MODE: 'cloud' });
    expect(code).toBe(1);
    expect(output).toMatch(/AGENT_MODE: "cloud" is not valid/);
    expectPlain(output);
  });

  it('says that there is no cluster for remote mode, and leaves nothing running', async () => {
    const home = newHome();
    const kubeconfig = join(directory, 'no-kubeconfig');
    const { code, stderr } = await failedStart(home, { AGENT_MODE: 'remote', KUBECONFIG: kubeconfig });
    expect(code).toBe(1);
    expect(stderr).toContain(
      `The kubeconfig file ${kubeconfig} cannot be read; set KUBECONFIG to one that can.`,
    );
    expect(await findProcesses(home)).toEqual([]);
  });

  it('is told when the home cannot be made', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    const { code, stderr } = await failedStart(join(file, 'home'));
    expect(code).toBe(1);
    expect(stderr).toContain(join(file, 'home'));
    expect(stderr).toMatch(/SHADOW_HOME/);
    expectPlain(stderr);
  });
});

describe('a machine without git', () => {
  /** A PATH with everything but git. */
  async function pathWithoutGit(): Promise<string> {
    const bin = join(directory, `bin-${homes}`);
    await mkdir(bin);
    const { PATH = '' } = process.env;
    for (const place of PATH.split(':')) {
      for (const program of await readdir(place).catch(() => [])) {
        if (program === 'git') continue;
        // The first on the PATH is the one that counts.
        await symlink(join(place, program), join(bin, program)).catch(() => undefined);
      }
    }
    return bin;
  }

  it('is told by the task that needs it, and the server lives on', async () => {
    const home = newHome();
    await using server = await startServer(home, { PATH: await pathWithoutGit() });
    const repository = dirname(home);
    const { task } = await runTask(server, { repository, prompt: 'Look', model: SCRIPTED });
    expect(task).toMatchObject({ status: 'failed', error: { code: 'GIT_MISSING' } });
    expect(task.error?.message).toMatch(/git is not installed.*apt-get install git/);
    const refused = server.api.createTask({ body: { repository: 'sample', prompt: 'x', model: SCRIPTED } });
    await expect(refused).rejects.toMatchObject({ code: 'GIT_MISSING' });
    expect(await isRunning(server.pid)).toBe(true);
  });

  it('is told by the command line too', async () => {
    const { code, output } = await shadowRun(newHome(), { PATH: await pathWithoutGit() });
    expect(code).toBe(1);
    expect(output).toMatch(/git is not installed/);
    expectPlain(output);
  });
});
