import { type Result, toShadowError } from '@shadow/protocol';

/** Runs work of a WorkspaceManager and turns what it throws into a failed result. */
export async function caught<T extends object>(work: () => Promise<T>): Promise<Result<T>> {
  try {
    return { success: true, ...(await work()) };
  } catch (error) {
    return { success: false, error: toShadowError(error).toOperationError() };
  }
}
