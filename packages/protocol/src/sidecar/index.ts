export * from './endpoint.ts';
export { SIDECAR_SOCKET_PATH, sidecarEndpoints } from './endpoints.ts';
export { GIT_COMMITS_HEADER, GitCloneEvent } from './git-endpoints.ts';
export * from './output-frames.ts';
export * from './schemas.ts';
export {
  type ClaimWorkspaceRequest,
  SidecarToken,
  WorkspaceEnvironment,
  type WorkspaceUsage,
} from './workspace-endpoints.ts';
