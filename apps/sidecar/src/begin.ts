import { ShadowError } from '@shadow/protocol/errors';
import type { Config } from './config.ts';
import { EarlyListener } from './http/early-listener.ts';
import { type OpenedWorkspace, openWorkspace } from './open-workspace.ts';

/** What the start of a sidecar begins with, because it takes other things' time and not this process's. */
export interface Beginning {
  readonly workspace: Promise<OpenedWorkspace>;
  readonly listener: Promise<EarlyListener>;
}

/** Opens the workspace and the port. Whatever fails is told to who waits for it. @param listening the port, where it is open */
export function begin(config: Config, listening?: Promise<EarlyListener>): Beginning {
  const { host, port } = config;
  const listener = listening ?? EarlyListener.listen({ host, port });
  const beginning = {
    workspace: openWorkspace(config),
    listener: listener.catch((cause: Error) => {
      const message = `Cannot listen on ${host}:${port}: ${cause.message}`;
      throw new ShadowError('UNAVAILABLE', message, { cause });
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
