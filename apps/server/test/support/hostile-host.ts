import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A host of repositories that are not there, are private, or never answer. */
export interface HostileHost extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Requests to a path so far. */
  requests(path: string): number;
}

/** Starts a host that answers `/missing…` with 404, `/private…` with 401, `/broken…` with 500 and `/hung…` not at all. */
export async function startHostileHost(): Promise<HostileHost> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    seen.push(path);
    if (path.startsWith('/hung')) return;
    const status = path.startsWith('/private') ? 401 : path.startsWith('/broken') ? 500 : 404;
    response.writeHead(status, status === 401 ? { 'www-authenticate': 'Basic realm="git"' } : {}).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: (path) => seen.filter((one) => one.startsWith(path)).length,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
