import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MirrorCache } from '../../src/git/mirror-cache.ts';

const environment = {
  variables: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_GLOBAL: '/dev/null' },
};
const mirrors = new MirrorCache(join('/nonexistent', 'mirrors'), environment);
let close: (() => void) | undefined;
afterEach(() => close?.());

async function serve(status: number): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end('no'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => server.close();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/team/tool.git`;
}

describe('an unreadable repository', () => {
  it.each([
    [401, 'REPOSITORY_ACCESS_DENIED'],
    [403, 'REPOSITORY_ACCESS_DENIED'],
    [404, 'REPOSITORY_NOT_FOUND'],
    [500, 'REPOSITORY_UNREACHABLE'],
  ])('that answers %i is %s', async (status, code) => {
    const url = await serve(status);
    await expect(mirrors.readRefs({ kind: 'remote', url, name: 'tool' })).rejects.toMatchObject({ code });
  });

  it('that nobody serves is unreachable', async () => {
    const url = await serve(404);
    close?.();
    await expect(mirrors.readRefs({ kind: 'remote', url, name: 'tool' })).rejects.toMatchObject({
      code: 'REPOSITORY_UNREACHABLE',
    });
  });
});
