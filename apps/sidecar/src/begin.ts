import type { Config } from './config.ts';
import { EarlyListener } from './http/early-listener.ts';
import { type OpenedWorkspace, openWorkspace } from './open-workspace.ts';

/** Connections at a time. */
export const MAX_CONNECTIONS = 2048;
/** Several frames of output under way instead of a wait after each; as much is what a stalled reader can hold. */
export const STREAM_BUFFER_BYTES = 1024 * 1024;

/** What the start of a sidecar begins with, because it takes other things' time and not this process's. */
export interface Beginning {
  readonly workspace: Promise<OpenedWorkspace>;
  readonly listener: Promise<EarlyListener>;
}

/** Opens the workspace and the port. Whatever fails is told to who waits for it. */
export function begin(config: Config): Beginning {
  const { host, port } = config;
  const beginning = {
    workspace: openWorkspace(config),
    listener: EarlyListener.listen({
      host,
      port,
      maxConnections: MAX_CONNECTIONS,
      highWaterMark: STREAM_BUFFER_BYTES,
    }),
  };
  beginning.workspace.catch(() => {});
  beginning.listener.catch(() => {});
  return beginning;
}

/** @returns what has begun, once it is there @throws whatever failed, with nothing left behind */
export async function ready({ workspace, listener }: Beginning): Promise<[OpenedWorkspace, EarlyListener]> {
  try {
    return await Promise.all([workspace, listener]);
  } catch (error) {
    await listener.then((open) => open.close()).catch(() => {});
    throw error;
  }
}
