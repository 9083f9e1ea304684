import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';

/** Measurements on a port of their own. */
export interface MetricsServer extends AsyncDisposable {
  /** undefined where the port could not be had */
  readonly port: number | undefined;
}

/**
 * Serves measurements and nothing else, to whoever reaches the port: a scraper of many pods cannot know the token of each.
 * A port that is taken, perhaps by a command of the task, is logged and no reason not to serve the task.
 */
export async function serveMetrics(
  registry: Registry,
  place: { host: string; port: number },
  log: Logger,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const isOpen = await new Promise<boolean>((resolve) => {
    server.once('error', (error) => {
      log.warn({ port: place.port, err: error }, 'the port of the measurements cannot be opened');
      resolve(false);
    });
    server.listen(place.port, place.host, () => resolve(true));
  });
  return {
    // A server that listens on a port has such an address.
    port: isOpen ? (server.address() as AddressInfo).port : undefined,
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
