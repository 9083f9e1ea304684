import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Everything that is counted about HTTP and sockets; the registry is for further metrics of other parts. */
export interface Metrics {
  readonly registry: Registry;
  /** Seconds from request to answer, by operation of the endpoint table. */
  readonly httpDuration: Histogram<'operation' | 'method' | 'status'>;
  readonly socketConnections: Gauge;
  /** Events handed to sockets, one for each socket that gets it. */
  readonly socketEvents: Counter;
  /** Sockets closed by the server, by why. */
  readonly socketsDropped: Counter<'reason'>;
}

/** A registry of its own with Node's default metrics, such as event-loop lag and memory. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    httpDuration: new Histogram({
      name: 'shadow_http_request_duration_seconds',
      help: 'Duration of HTTP requests',
      labelNames: ['operation', 'method', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
    socketConnections: new Gauge({
      name: 'shadow_socket_connections',
      help: 'Open sockets',
      registers,
    }),
    socketEvents: new Counter({
      name: 'shadow_socket_events_total',
      help: 'Task events handed to sockets',
      registers,
    }),
    socketsDropped: new Counter({
      name: 'shadow_sockets_dropped_total',
      help: 'Sockets closed by the server',
      labelNames: ['reason'],
      registers,
    }),
  };
}
