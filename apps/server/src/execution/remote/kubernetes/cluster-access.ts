import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent, type RequestOptions } from 'node:https';
import type { KubeConfig, User } from '@kubernetes/client-node';

/** What each request needs to be let in, and through which agent it goes. */
export interface Admission {
  headers: Readonly<Record<string, string>>;
  /** For calls: a bounded number of connections, kept open between them. */
  calls: Agent;
  /** For what stays open: watches and port-forwards. */
  streams: Agent;
}

/** Milliseconds for which credentials count as fresh; files of rotated tokens and certificates are read again after that. */
const FRESH_MS = 10_000;
/** Milliseconds until an idle connection is closed, well before a load balancer or the API server does. */
const IDLE_MS = 30_000;
const MAX_CALLS = 32;

/** The API server, and the identity with which it is spoken to. Credentials never leave this object but in requests. */
export class ClusterAccess {
  /** Such as `https://10.0.0.1:6443`. */
  readonly server: string;
  /** In words for messages. */
  readonly identity: string;
  /** Whether this process runs in that cluster. */
  readonly isInside: boolean;
  readonly #config: KubeConfig;
  readonly #tokenFile: string | undefined;
  #admission: Promise<Admission> | undefined;
  #freshUntil = 0;
  #agents: { fingerprint: string; calls: Agent; streams: Agent } | undefined;
  #proxyAgent: Agent | undefined;

  /**
   * @param spec `config` has a current context whose cluster speaks verified TLS; `tokenFile` holds the token in place of
   *   what the context's user has
   */
  constructor(spec: {
    config: KubeConfig;
    tokenFile: string | undefined;
    identity: string;
    isInside: boolean;
  }) {
    this.server = spec.config.getCurrentCluster()?.server ?? '';
    this.identity = spec.identity;
    this.isInside = spec.isInside;
    this.#config = spec.config;
    this.#tokenFile = spec.tokenFile;
  }

  /** @throws Error when a file is missing or a credential plugin fails */
  async admission(): Promise<Admission> {
    if (this.#admission !== undefined && Date.now() < this.#freshUntil) return await this.#admission;
    this.#freshUntil = Date.now() + FRESH_MS;
    const admission = this.#read();
    this.#admission = admission;
    try {
      return await admission;
    } catch (error) {
      this.expire();
      throw error;
    }
  }

  /** Makes the next request read the credentials again, since these were refused. */
  expire(): void {
    this.#admission = undefined;
  }

  close(): void {
    this.#agents?.calls.destroy();
    this.#agents?.streams.destroy();
    this.#proxyAgent?.destroy();
  }

  async #read(): Promise<Admission> {
    const options: RequestOptions = { rejectUnauthorized: true };
    await this.#config.applyToHTTPSOptions(options);
    return { headers: await this.#headers(options), ...this.#agentsFor(options) };
  }

  async #headers(options: RequestOptions): Promise<Record<string, string>> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value);
    if (typeof options.auth === 'string') {
      headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    if (this.#tokenFile !== undefined) {
      headers.Authorization = `Bearer ${(await readFile(this.#tokenFile, 'utf8')).trim()}`;
    }
    return headers;
  }

  /** Connections stay as long as what was said when they were opened still holds. */
  #agentsFor(options: RequestOptions): { calls: Agent; streams: Agent } {
    if (this.#config.getCurrentCluster()?.proxyUrl && options.agent instanceof Agent) {
      this.#proxyAgent = options.agent;
      return { calls: options.agent, streams: options.agent };
    }
    const { ca, cert, key, passphrase, servername } = options;
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([ca, cert, key, passphrase, servername].map((part) => String(part))))
      .digest('hex');
    if (this.#agents?.fingerprint === fingerprint) return this.#agents;
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(servername === undefined ? {} : { servername }),
      // Said out loud, since NODE_TLS_REJECT_UNAUTHORIZED=0 would turn it off otherwise.
      rejectUnauthorized: true,
      keepAlive: true,
      timeout: IDLE_MS,
    };
    // The former ones end with their last connection: `timeout` closes what is idle.
    this.#agents = {
      fingerprint,
      calls: new Agent({ ...tls, maxSockets: MAX_CALLS }),
      streams: new Agent(tls),
    };
    return this.#agents;
  }
}

/** Who a user of a kubeconfig is there, in words without any secret. */
export function identityOf(user: User | null, source: string): string {
  const subject = subjectOf(user?.token);
  if (subject !== undefined) return `${subject} (${source})`;
  return source;
}

/** The subject that a ServiceAccount token names; it is signed for the API server, and only shown here. */
function subjectOf(token: string | undefined): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('sub' in claims)) return undefined;
    return typeof claims.sub === 'string' && /^[\w:.@-]{1,253}$/.test(claims.sub) ? claims.sub : undefined;
  } catch {
    return undefined;
  }
}
