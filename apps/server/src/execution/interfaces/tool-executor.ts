import type { FileOperations, GitOperations, ProcessOperations, SearchOperations } from '@shadow/protocol';
import type { Capabilities } from './types.ts';

/** The tools of one task, wherever they run. Put together from small parts; a caller asks for the part it needs. */
export interface ToolExecutor extends FileOperations, SearchOperations, ProcessOperations, GitOperations {
  readonly capabilities: Capabilities;
  /** Lets go of watchers and connections; processes run on. */
  close(): Promise<void>;
}
