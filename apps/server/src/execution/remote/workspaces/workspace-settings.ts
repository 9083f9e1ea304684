import type { RemoteConfig } from '../../../config/remote-config.ts';

/** What the pods of this server are made of. */
export type WorkspaceSettings = RemoteConfig['workspaces'];
