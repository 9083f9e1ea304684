export type { Isolation, RunAs, WorkspaceContext } from './context.ts';
export {
  createWorkspaceEngine,
  machineCapabilities,
  type WorkspaceCapabilities,
  type WorkspaceEngine,
  type WorkspaceParts,
} from './engine.ts';
export { measureTree } from './files/measure-tree.ts';
export * from './host/index.ts';
export * from './process/index.ts';
export * from './security/command-policy.ts';
export { TerminalBuffer } from './terminal/index.ts';
