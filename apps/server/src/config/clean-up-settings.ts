import * as z from 'zod';
import { integer, MILLISECONDS, milliseconds, setting } from './setting.ts';

/** Statuses of tasks that nothing runs in, as people write them. */
const STATES = ['ready-for-review', 'stopped', 'failed', 'interrupted'] as const;
const YEAR_MS = 31_536_000_000;

/** Zero, as for "never", is null. */
const orNever = (max: number) => integer(0, max, 0).transform((value) => (value === 0 ? null : value));

/** When workspaces are compared with the database, and when unused ones are put away. */
export const cleanUpSettings = {
  reconcileIntervalMs: setting({
    name: 'RECONCILE_INTERVAL_MS',
    default: '300000',
    description:
      'How often workspaces are compared with the database when nothing happens; it is also done at the start and after changes from outside.',
    allowed: MILLISECONDS,
    schema: milliseconds(300_000),
  }),
  workspaceMaxAgeMs: setting({
    name: 'WORKSPACE_MAX_AGE_MS',
    default: '0',
    description:
      'How long a finished task may be unused until it is archived: its work is kept as a bundle, then its workspace is removed. 0 for never.',
    allowed: 'a whole number of milliseconds from 0 to 31536000000 (a year)',
    schema: orNever(YEAR_MS),
  }),
  workspaceQuota: setting({
    name: 'WORKSPACE_QUOTA',
    default: '0',
    description:
      'Workspaces that may exist; beyond it the finished tasks unused longest are archived. 0 for any number.',
    allowed: 'a whole number from 0 to 1000000',
    schema: orNever(1_000_000),
  }),
  workspaceCleanupStates: setting({
    name: 'WORKSPACE_CLEANUP_STATES',
    default: 'ready-for-review,stopped,failed,interrupted',
    description: 'States of the tasks that WORKSPACE_MAX_AGE_MS and WORKSPACE_QUOTA may archive.',
    allowed: 'a list of ready-for-review, stopped, failed and interrupted, with commas between them',
    schema: z
      .string()
      .default(STATES.join(','))
      .transform((text) => text.split(',').map((state) => state.trim()))
      .pipe(z.array(z.enum(STATES))),
  }),
} as const;
