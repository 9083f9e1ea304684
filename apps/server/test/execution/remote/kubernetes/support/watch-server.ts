import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Authority } from './authority.ts';

interface Stored {
  kind: 'ConfigMap';
  metadata: { name: string; uid: string; resourceVersion: string };
  data: { value: string };
}
interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: Stored;
}

/** How a server says that it has forgotten what was asked for: in the stream, or before it begins. */
export type Refusal = 'event' | 'status';

/**
 * ConfigMaps behind the list and watch of the Kubernetes API, over TLS on loopback: numbered changes of which the old ones
 * can be forgotten (https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses).
 */
export class WatchServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #objects = new Map<string, Stored>();
  readonly #changes: Change[] = [];
  readonly #watches = new Set<ServerResponse>();
  #version = 0;
  #forgotten = 0;
  #refusal: Refusal = 'event';
  #isHeld = false;
  /** How often everything was listed. */
  lists = 0;

  private constructor(authority: Authority) {
    this.#server = createServer(authority, (request, response) => this.#answer(request, response));
  }

  static async start(authority: Authority): Promise<WatchServer> {
    const server = new WatchServer(authority);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    // A server that listens on a port has such an address.
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get watches(): number {
    return this.#watches.size;
  }

  put(name: string, value: string): void {
    const known = this.#objects.get(name);
    this.#version += 1;
    const uid = known?.metadata.uid ?? `${name}-${this.#version}`;
    const metadata = { name, uid, resourceVersion: String(this.#version) };
    const object: Stored = { kind: 'ConfigMap', metadata, data: { value } };
    this.#objects.set(name, object);
    this.#tell({ type: known === undefined ? 'ADDED' : 'MODIFIED', object });
  }

  remove(name: string): void {
    const known = this.#objects.get(name);
    if (known === undefined) throw new Error(`there is no ${name}`);
    this.#objects.delete(name);
    this.#version += 1;
    const metadata = { ...known.metadata, resourceVersion: String(this.#version) };
    this.#tell({ type: 'DELETED', object: { ...known, metadata } });
  }

  /** From now on nobody hears of changes, as behind a network that is cut. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Forgets every change so far: watches that are open, or are opened, from before them are refused. */
  compact(refusal: Refusal): void {
    this.#refusal = refusal;
    this.#forgotten = this.#version;
    this.#isHeld = false;
    for (const watch of this.#watches) {
      if (refusal === 'event') this.#expire(watch);
      else watch.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const query = new URL(request.url ?? '/', this.url).searchParams;
    const from = Number(query.get('resourceVersion'));
    if (query.get('watch') === null) this.#list(response);
    else if (from >= this.#forgotten) this.#watch(response, from);
    else this.#refuse(response);
  }

  #refuse(response: ServerResponse): void {
    if (this.#refusal === 'status')
      return void response.writeHead(410, JSON_TYPE).end(JSON.stringify(EXPIRED));
    response.writeHead(200, JSON_TYPE);
    this.#expire(response);
  }

  #list(response: ServerResponse): void {
    this.lists += 1;
    const list = { metadata: { resourceVersion: String(this.#version) }, items: [...this.#objects.values()] };
    response.writeHead(200, JSON_TYPE).end(JSON.stringify(list));
  }

  #watch(response: ServerResponse, from: number): void {
    response.writeHead(200, JSON_TYPE);
    response.flushHeaders();
    this.#watches.add(response);
    response.once('close', () => this.#watches.delete(response));
    for (const change of this.#changes) {
      if (Number(change.object.metadata.resourceVersion) > from) send(response, change);
    }
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    if (!this.#isHeld) for (const watch of this.#watches) send(watch, change);
  }

  #expire(response: ServerResponse): void {
    response.end(`${JSON.stringify({ type: 'ERROR', object: EXPIRED })}\n`);
  }
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const EXPIRED = {
  kind: 'Status',
  status: 'Failure',
  message: 'too old resource version: 1 (7)',
  reason: 'Expired',
  code: 410,
};

function send(response: ServerResponse, change: Change): void {
  response.write(`${JSON.stringify(change)}\n`);
}
