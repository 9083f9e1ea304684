import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitEnvironment } from './git-command.ts';

/**
 * Writes the configuration that git reads on the server's own mirrors: the person's settings (credential helpers,
 * proxies, insteadOf), and that repositories of other owners may be read. Reading one runs nothing of its configuration.
 * @param directory where the file is kept
 * @param variables environment of the server's git
 */
export async function writeGitConfig(
  directory: string,
  variables: Record<string, string>,
): Promise<GitEnvironment> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'config');
  const { HOME: home, XDG_CONFIG_HOME: xdg } = variables;
  const included = [
    ...(home === undefined ? [] : [join(home, '.gitconfig')]),
    ...(xdg === undefined && home === undefined
      ? []
      : [join(xdg ?? join(home ?? '', '.config'), 'git', 'config')]),
  ];
  const lines = [
    ...included.map((file) => `[include]\n\tpath = ${JSON.stringify(file)}`),
    '[safe]\n\tdirectory = *',
  ];
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { variables: { ...variables, GIT_CONFIG_GLOBAL: path } };
}
