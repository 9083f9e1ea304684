import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Slots } from '../http/slots.ts';

/** What is measured. */
export interface Metrics {
  readonly registry: Registry;
  /** Seconds from request to the end of its answer, by operation. */
  readonly duration: Histogram<'operation' | 'status'>;
  /** Bytes of process output handed to readers. */
  readonly outputBytes: Counter;
}

/** @param slots what goes on now */
export function createMetrics(slots: { requests: Slots; streams: Slots }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // The usual 10 ms would wake every idle pod a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  new Gauge({
    name: 'shadow_sidecar_active',
    help: 'Calls worked on and streams open now',
    labelNames: ['kind'],
    registers,
    collect() {
      this.set({ kind: 'requests' }, slots.requests.taken);
      this.set({ kind: 'streams' }, slots.streams.taken);
    },
  });
  return {
    registry,
    duration: new Histogram({
      name: 'shadow_sidecar_request_duration_seconds',
      help: 'Duration of requests',
      labelNames: ['operation', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    }),
    outputBytes: new Counter({
      name: 'shadow_sidecar_output_bytes_total',
      help: 'Bytes of process output handed to readers',
      registers,
    }),
  };
}
