import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { git } from './git-repository.ts';

/** A repository over HTTP whose host stops in the middle of the transfer until it is let go. */
export interface HungRepository extends AsyncDisposable {
  readonly url: string;
  /** Resolves when somebody asks for objects and is left waiting. */
  readonly reached: Promise<void>;
  /** From now on everything is answered. */
  letGo(): void;
}

/**
 * Serves a repository over git's dumb HTTP protocol (plain files after `git update-server-info`).
 * Source: git's http-protocol documentation, "Dumb Clients".
 */
export async function startHungRepository(repository: string): Promise<HungRepository> {
  await git(repository, 'update-server-info');
  const reached = Promise.withResolvers<void>();
  let open = false;
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (!open && path.includes('/objects/')) {
      reached.resolve();
      return;
    }
    const content = await readFile(`${repository}/.git${path.replace('/repo.git', '')}`).catch(
      () => undefined,
    );
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo.git`,
    reached: reached.promise,
    letGo: () => {
      open = true;
      server.closeAllConnections();
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
