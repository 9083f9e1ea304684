import { Agent, type AgentOptions } from 'node:http';
import type { Duplex } from 'node:stream';

/** Connections to one sidecar at a time; over a port-forward each is one of its own. */
const MAX_SOCKETS = 256;

/** An agent that takes its time to find out how to connect. */
export abstract class ConnectingAgent extends Agent {
  /** @param options beside those that all ways to a sidecar share */
  constructor(options: AgentOptions = {}) {
    super({ keepAlive: true, maxSockets: MAX_SOCKETS, ...options });
  }

  /** @returns a connection of its own */
  abstract connect(): Promise<Duplex>;

  override createConnection(
    _options: object,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.connect().then(
      (socket) => done?.(null, socket),
      // Node reads no stream beside an error; its type knows no other form.
      (error) => (done as ((error: Error) => void) | undefined)?.(error),
    );
  }
}
