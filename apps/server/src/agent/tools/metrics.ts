import type { ToolOutcome } from '@shadow/protocol';
import { Histogram, type Registry } from 'prom-client';

/** Hears how each call at the gate ended. */
export interface ToolMetrics {
  /** @param durationMs from the call's arrival at the gate to its result */
  observe(tool: string, outcome: ToolOutcome, durationMs: number): void;
}

/**
 * Tool metrics in a prom-client registry: one histogram by tool and outcome, whose count is the number of calls.
 * @param registry where the metric is registered
 */
export function prometheusToolMetrics(registry: Registry): ToolMetrics {
  const histogram = new Histogram({
    name: 'shadow_tool_call_duration_seconds',
    help: 'Duration of tool calls by tool and outcome',
    labelNames: ['tool', 'outcome'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
    registers: [registry],
  });
  return {
    observe: (tool, outcome, durationMs) => histogram.observe({ tool, outcome }, durationMs / 1000),
  };
}
