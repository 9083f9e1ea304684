import { ShadowError } from '@shadow/protocol';
import { bubblewrapArguments, findBubblewrap } from '../process/isolation.ts';
import type { GitScope } from './git-scope.ts';
import { scratchPlace } from './private-directory.ts';

const found = new WeakMap<GitScope, Promise<string | undefined>>();

/**
 * What stands before git where the workspace's commands are isolated: it sees what they see, and its own directory.
 *
 * @param env the environment of git
 * @param network whether git may connect to anything, whatever commands may
 * @throws ShadowError UNSUPPORTED when there is no means to isolate
 */
export async function isolationPrefix(
  scope: GitScope,
  env: Readonly<Record<string, string>>,
  network: boolean,
): Promise<string[]> {
  const { root, isolation, runAs } = scope;
  if (isolation === undefined) return [];
  let looking = found.get(scope);
  if (looking === undefined) {
    looking = findBubblewrap(runAs);
    found.set(scope, looking);
  }
  const bubblewrap = await looking;
  if (bubblewrap === undefined) {
    throw new ShadowError(
      'UNSUPPORTED',
      'Git is to be isolated, but bubblewrap does not work on this machine.',
    );
  }
  const own = env.GIT_COMMON_DIR;
  return [
    bubblewrap,
    ...bubblewrapArguments({
      root,
      cwd: root,
      env: { ...env },
      isolation: {
        ...isolation,
        network,
        readable: [...(isolation.readable ?? []), ...(own === undefined ? [] : [own])],
        writable: [...(isolation.writable ?? []), ...(own === undefined ? [] : [scratchPlace(own)])],
      },
    }),
  ];
}
