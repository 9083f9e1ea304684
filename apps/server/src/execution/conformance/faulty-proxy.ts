import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands between a client and a sidecar. */
export interface FaultyProxy extends AsyncDisposable {
  readonly url: string;
  readonly requests: number;
  /** Answers the next so many requests by closing their connection. */
  failNext(count: number): void;
}

/** Passes calls on to a sidecar, except for those it is told to drop. @param target the sidecar's address */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  let left = 0;
  let requests = 0;
  const server = createServer(async (request, response) => {
    requests += 1;
    if (left > 0) {
      left -= 1;
      request.socket.destroy();
      return;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
    const { authorization = '', 'content-type': type = 'application/json' } = request.headers;
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { authorization, 'content-type': type },
      ...(hasBody ? { body: Buffer.concat(chunks) } : {}),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    failNext: (count) => {
      left = count;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
