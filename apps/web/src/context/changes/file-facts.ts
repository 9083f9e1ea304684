import type { FileDiff } from '@shadow/protocol';

/** Changed lines and bytes of patch above which a diff is not drawn without being asked for. */
const HUGE_LINES = 1500;
const HUGE_BYTES = 150_000;

const GENERATED =
  /(^|\/)(package-lock\.json|yarn\.lock|pnpm-lock\.yaml|Cargo\.lock|go\.sum|poetry\.lock|composer\.lock)$|\.min\.(js|css)$|\.snap$/;

/** Why a file's diff is left out until it is asked for; null when it is simply shown. */
export function reasonToCollapse(file: FileDiff): string | null {
  if (file.binary) return null;
  if (GENERATED.test(file.path)) return 'Generated file';
  if (file.additions + file.deletions > HUGE_LINES || file.patch.length > HUGE_BYTES) return 'Large diff';
  return null;
}

/** Names this very change of a file: a tick for it ends when the file changes again. */
export function fingerprintOf(taskId: string, file: FileDiff): string {
  let hash = 5381;
  for (let index = 0; index < file.patch.length; index += 1) {
    hash = (Math.imul(hash, 33) ^ file.patch.charCodeAt(index)) >>> 0;
  }
  return `${taskId}:${file.path}:${hash.toString(36)}`;
}

/** Splits a path for display: the directories muted, the name plain. */
export function splitPath(path: string): { directory: string; name: string } {
  const at = path.lastIndexOf('/') + 1;
  return { directory: path.slice(0, at), name: path.slice(at) };
}
