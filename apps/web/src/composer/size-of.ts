import type { TaskResources } from '@shadow/protocol';

/** Bounds of a workspace as people read them. */
export function sizeOf({ cpu, memory }: TaskResources): string {
  return [...(cpu === undefined ? [] : [`${cpu} CPU`]), ...(memory === undefined ? [] : [memory])].join(
    ' · ',
  );
}
