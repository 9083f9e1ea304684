import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { noCredentials, refusal, unreachable } from './api-failure.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { ConnectingAgent } from './connecting-agent.ts';
import { PortForwardSocket } from './port-forward-socket.ts';

/** Milliseconds that the API server and the kubelet have to open a port-forward. */
const OPEN_MS = 15_000;
/** Milliseconds until an idle one is closed, which costs the kubelet a process each. */
const IDLE_MS = 30_000;
/** Bytes of a refusal that are read. */
const MAX_REFUSAL = 64 * 1024;

/** What a Role must allow for it; from Kubernetes 1.35 on also `create`. */
const ACTION = { verb: 'get', resource: 'pods/portforward' } as const;

export interface ForwardTarget {
  namespace: string;
  podName: string;
  port: number;
}

/** Connections to a port of a pod through the API server, without any listening port on this machine. */
export class PortForwardAgent extends ConnectingAgent {
  readonly #access: ClusterAccess;
  readonly #target: ForwardTarget;
  readonly #open = new Set<Duplex>();
  #isClosed = false;

  constructor(access: ClusterAccess, target: ForwardTarget) {
    super({ timeout: IDLE_MS });
    this.#access = access;
    this.#target = target;
  }

  /** Cuts all connections: the pod they lead to is gone. */
  cut(): void {
    const gone = Object.assign(new Error(`the pod ${this.#target.podName} is gone`), { code: 'ECONNRESET' });
    for (const socket of [...this.#open]) socket.destroy(gone);
  }

  override destroy(): void {
    this.#isClosed = true;
    super.destroy();
    for (const socket of [...this.#open]) socket.destroy();
  }

  /** @returns a connection of its own @throws KubernetesError in the API server's or the kubelet's words */
  override async connect(): Promise<Duplex> {
    if (this.#isClosed) throw closed();
    const socket = await openPortForward(this.#access, this.#target);
    if (this.#isClosed) socket.destroy();
    if (socket.destroyed) throw socket.errored ?? closed();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  }
}

function closed(): Error {
  return Object.assign(new Error('the way to the pod is closed'), { code: 'ECONNRESET' });
}

/** Opens one connection. @throws KubernetesError in the API server's or the kubelet's words */
async function openPortForward(access: ClusterAccess, target: ForwardTarget): Promise<PortForwardSocket> {
  const { namespace, podName, port } = target;
  const { headers, streams } = await access.admission().catch((cause) => {
    throw noCredentials(cause, access);
  });
  const path = `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(podName)}/portforward`;
  const url = `${access.server.replace(/^http/, 'ws')}${path}?ports=${port}`;
  return await new Promise((resolve, reject) => {
    const socket = new WebSocket(url, ['v4.channel.k8s.io'], {
      agent: streams,
      headers,
      handshakeTimeout: OPEN_MS,
      perMessageDeflate: false,
    });
    // Made at once, so that nothing is lost that comes with the handshake.
    socket.once('open', () => resolve(new PortForwardSocket(socket)));
    socket.once('error', (cause) => reject(unreachable(cause, access)));
    socket.once('unexpected-response', (request: ClientRequest, response: IncomingMessage) => {
      if (response.statusCode === 401) access.expire();
      readRefusal(response)
        .then((text) => reject(refusal(response.statusCode ?? 0, text, access, ACTION)))
        .finally(() => request.destroy());
    });
  });
}

async function readRefusal(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk;
      if (text.length > MAX_REFUSAL) break;
    }
  } catch {
    // The status says enough.
  }
  return text;
}
