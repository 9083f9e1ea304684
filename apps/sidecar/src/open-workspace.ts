import { chownSync, mkdirSync, realpathSync } from 'node:fs';
import { ShadowError } from '@shadow/protocol/errors';
// Not the whole of it: the start waits for what is loaded here.
import { captureLoginEnvironment } from '@shadow/workspace/login-environment';
import type { Config } from './config.ts';

/** A workspace whose directories are there. */
export interface OpenedWorkspace {
  /** Real path of its root. */
  readonly root: string;
  /** What commands get of the image. */
  readonly environment: Record<string, string>;
}

/**
 * Makes the directories of a workspace where they are missing, and asks a login shell what its commands get.
 *
 * @throws ShadowError WORKSPACE_NOT_READY when it cannot be opened
 */
export async function openWorkspace(config: Config): Promise<OpenedWorkspace> {
  const { runAs, stateDir, commandEnvironment: base } = config;
  // Without a turn of the event loop: the shell then works while this process loads its modules, which lets nothing else in.
  const root = openDirectory(config.workspaceDir, 'WORKSPACE_DIR', runAs);
  if (base.HOME !== undefined) makeHome(base.HOME, runAs);
  mkdirSync(stateDir, { recursive: true, mode: runAs === undefined ? 0o700 : 0o711 });
  const environment = await captureLoginEnvironment({ base, ...(runAs === undefined ? {} : { runAs }) });
  return { root, environment };
}

/** A fresh volume is empty, and tools expect the home that their environment names; serving needs none. */
function makeHome(path: string, runAs: Config['runAs']): void {
  try {
    openDirectory(path, 'HOME', runAs);
  } catch {
    // Commands say themselves what they miss.
  }
}

/** Opens a directory, made where it is missing for the user whose commands use it. */
function openDirectory(path: string, name: string, runAs: Config['runAs']): string {
  try {
    const made = mkdirSync(path, { recursive: true });
    if (made !== undefined && runAs !== undefined) chownSync(path, runAs.uid, runAs.gid);
    return realpathSync(path);
  } catch (cause) {
    throw new ShadowError('WORKSPACE_NOT_READY', `${name} ${path} cannot be opened or made.`, { cause });
  }
}
