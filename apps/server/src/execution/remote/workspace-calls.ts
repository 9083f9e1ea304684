import {
  type ClaimWorkspaceRequest,
  type Result,
  sidecarEndpoints,
  type WorkspaceUsage,
} from '@shadow/protocol';
import { SidecarClient, type SidecarClientOptions } from './sidecar-client.ts';

/** A claim of one workspace, and the token that opened it before. */
export interface WorkspaceClaimRequest extends ClaimWorkspaceRequest {
  previousToken: string;
}

/**
 * Makes a sidecar a task's own. Converges: where an earlier try took effect and its answer was lost, the previous token is
 * refused and the new one confirms the claim.
 *
 * @param sidecar where it listens, and how calls are tried
 * @returns TOKEN_INVALID when neither token opens it
 */
export async function claimWorkspace(
  sidecar: Omit<SidecarClientOptions, 'token'>,
  { previousToken, ...body }: WorkspaceClaimRequest,
  signal?: AbortSignal,
): Promise<Result<{ claimed: true }>> {
  const first = await claimWith(sidecar, previousToken, body, signal);
  if (first.success || first.error.code !== 'TOKEN_INVALID') return first;
  return await claimWith(sidecar, body.token, body, signal);
}

/** Size of the tree, space on its disk, and what the workspace is. */
export function getWorkspaceUsage(
  client: SidecarClient,
  signal?: AbortSignal,
): Promise<Result<WorkspaceUsage>> {
  return client.call(sidecarEndpoints.getWorkspaceUsage, { signal });
}

async function claimWith(
  sidecar: Omit<SidecarClientOptions, 'token'>,
  token: string,
  body: ClaimWorkspaceRequest,
  signal: AbortSignal | undefined,
): Promise<Result<{ claimed: true }>> {
  const client = new SidecarClient({ ...sidecar, token });
  try {
    return await client.call(sidecarEndpoints.claimWorkspace, { body, signal });
  } finally {
    client.close();
  }
}
