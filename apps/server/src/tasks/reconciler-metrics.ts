import { Counter, Gauge, type Registry } from 'prom-client';

/** What the reconciler did to one workspace. */
export type ReconcilerAction =
  | 'finished'
  | 'removed-orphan'
  | 'kept-orphan'
  | 'marked-lost'
  | 'marked-suspended'
  | 'adopted'
  | 'suspended'
  | 'archived'
  | 'failed';

export interface ReconcilerMetrics {
  acted(action: ReconcilerAction): void;
  /** A pass ended. @param workspaces that there are */
  passed(workspaces: number): void;
}

/** Counts in a Prometheus registry. */
export function prometheusReconcilerMetrics(registry: Registry): ReconcilerMetrics {
  const registers = [registry];
  const actions = new Counter({
    name: 'shadow_reconciler_actions_total',
    help: 'What was done to bring workspaces to what the database says',
    labelNames: ['action'] as const,
    registers,
  });
  const passes = new Counter({
    name: 'shadow_reconciler_passes_total',
    help: 'Comparisons of the database with what there is, by this server',
    registers,
  });
  const count = new Gauge({
    name: 'shadow_workspaces',
    help: 'Workspaces at the last comparison',
    registers,
  });
  return {
    acted: (action) => actions.inc({ action }),
    passed: (workspaces) => {
      passes.inc();
      count.set(workspaces);
    },
  };
}
