import { SAMPLE_REPOSITORY } from '@shadow/protocol';

/** A repository's short name: the last two parts of a URL, the last of a path. */
export function nameOfRepository(source: string): string {
  if (source === SAMPLE_REPOSITORY) return 'Sample repository';
  const bare = source.replace(/\/+$/, '').replace(/\.git$/, '');
  const isPath = /^(\/|[A-Za-z]:[\\/]|~)/.test(bare);
  const parts = bare.split(/[/:\\]+/).filter((part) => part !== '');
  return parts.slice(isPath ? -1 : -2).join('/') || source;
}
