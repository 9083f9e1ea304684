import { type Result, sidecarEndpoints } from '@shadow/protocol';
import { RemoteToolExecutor } from './remote-tool-executor.ts';
import { SidecarClient, type SidecarClientOptions } from './sidecar-client.ts';

/**
 * The tools of a workspace behind a sidecar that runs.
 *
 * Fails with UNAVAILABLE when the sidecar cannot be reached, TOKEN_INVALID when the token is not its own.
 */
export async function createRemoteToolExecutor(
  options: SidecarClientOptions,
): Promise<Result<{ executor: RemoteToolExecutor }>> {
  const client = new SidecarClient(options);
  const found = await client.call(sidecarEndpoints.getCapabilities);
  if (!found.success) {
    client.close();
    return found;
  }
  const { success: _, ...capabilities } = found;
  const fixed = { suspend: false, taskResources: false };
  return { success: true, executor: new RemoteToolExecutor(client, { ...capabilities, ...fixed }) };
}
