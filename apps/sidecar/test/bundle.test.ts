import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { exitOf, framesIn, makePlace, spawnProgram, TOKEN } from './support/sidecar.ts';

/** As the image makes it. */
beforeAll(async () => {
  const script = fileURLToPath(new URL('../scripts/bundle.mjs', import.meta.url));
  await promisify(execFile)(process.execPath, [script]);
}, 60_000);

function caller(port: number) {
  return (method: string, path: string, json?: object) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
}

describe('the bundled sidecar', () => {
  it('works with all that is loaded late: pseudo-terminals, the code index, file watching, the description', async () => {
    const place = makePlace();
    await mkdir(join(place.workspace, 'src'));
    await writeFile(
      join(place.workspace, 'src/harbour.ts'),
      'export function moorVessel(berth: number) {\n  return berth;\n}\n',
    );
    const { child, port } = await spawnProgram('../../dist/supervisor.mjs', place.environment);
    const call = caller(port);
    const json = {
      command: 'test -t 1 && echo a terminal',
      pty: { columns: 80, rows: 24 },
      isBackground: true,
    };
    await call('PUT', '/api/execute/tty', json);
    const frames = await framesIn(await call('GET', '/api/terminal/tty/raw?fromOffset=0'));
    expect(JSON.stringify(frames.at(-1))).toContain('"exitCode":0');
    const found = await call('POST', '/api/search/codebase', { query: 'where is a vessel moored' });
    expect(await found.json()).toMatchObject({ snippets: [{ path: 'src/harbour.ts' }] });
    const description = await call('GET', '/api/openapi.json');
    expect(await description.json()).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) });
    const watch = await call('GET', '/api/files/watch');
    expect(watch.status).toBe(200);
    await watch.body?.cancel();
    const exited = exitOf(child);
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
    await place.remove();
  });

  it('starts a process host of its own where it has no supervisor', async () => {
    const place = makePlace();
    const { child, port } = await spawnProgram('../../dist/main.mjs', place.environment);
    const answer = await caller(port)('PUT', '/api/execute/one', { command: 'echo one' });
    expect(await answer.json()).toMatchObject({ process: { exitCode: 0 } });
    const exited = exitOf(child);
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
    await place.remove();
  });
});
