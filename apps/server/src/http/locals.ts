import type { Principal } from '../access/principal.ts';

declare global {
  namespace Express {
    interface Locals {
      requestId?: string;
      /** Name of what was asked for: the endpoint's operation id, or one of metrics, docs and web. */
      operation?: string;
      /** Set by the gate; absent on public routes. */
      principal?: Principal;
    }
  }
}
