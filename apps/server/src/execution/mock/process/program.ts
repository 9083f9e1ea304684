import type { MemoryTree } from '../tree/memory-tree.ts';

/** What a simulated program has around it. */
export interface ProgramContext {
  /** Arguments after the program's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path of the working directory. */
  readonly cwd: string;
  /** The workspace's files. */
  readonly tree: MemoryTree;
  readonly stdin: AsyncIterable<Buffer>;
  /** Resolves when the bytes are taken; a stopped process waits here. */
  stdout(data: string | Uint8Array): Promise<void>;
  stderr(data: string | Uint8Array): Promise<void>;
  /** Aborted when the process is ended. */
  readonly signal: AbortSignal;
}

/** A program of a simulated workspace. @returns its exit code */
export type SimulatedProgram = (context: ProgramContext) => Promise<number>;

/** An absolute path, or one from the working directory, as the tree takes it. */
export function absolutePath(context: Pick<ProgramContext, 'cwd'>, path: string): string {
  return path.startsWith('/') ? path : `${context.cwd}/${path}`;
}
