import { execFile } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ShadowError } from '@shadow/protocol';
import { findBubblewrap, type RunAs } from '@shadow/workspace';

const execute = promisify(execFile);

/** What the setting COMMAND_ISOLATION may be. */
export type IsolationSetting = 'none' | 'auto' | 'bubblewrap' | 'bubblewrap-offline';

/** How agents' commands are kept apart from this machine; undefined where they have the rights of their user. */
export type CommandIsolation = { readonly network: boolean } | undefined;

/** Where the system's own programs are; everything there can be read inside anyway. */
const SYSTEM = /^\/(usr|bin|sbin|lib|lib64|opt|nix)(\/|$)/;
const WHICH_REACHABLE =
  'for place; do test -d "$place" && test -r "$place" && printf "%s\\0" "$place"; done; true';

/**
 * Finds out how commands are isolated, by what the setting asks for and what this machine has.
 *
 * @param setting COMMAND_ISOLATION
 * @param runAs identity of commands, under which bubblewrap has to work
 * @throws ShadowError UNSUPPORTED when bubblewrap is asked for and does not work here
 */
export async function chooseIsolation(
  setting: IsolationSetting,
  runAs: RunAs | undefined,
): Promise<CommandIsolation> {
  if (setting === 'none') return undefined;
  const isThere = (await findBubblewrap(runAs)) !== undefined;
  if (isThere) return { network: setting !== 'bubblewrap-offline' };
  if (setting === 'auto') return undefined;
  const who = runAs === undefined ? 'this user' : `uid ${runAs.uid}`;
  throw new ShadowError(
    'UNSUPPORTED',
    `COMMAND_ISOLATION=${setting}: bubblewrap is not installed, or ${who} may not use it. Install it ("apt-get install bubblewrap", "dnf install bubblewrap") and allow user namespaces, or set COMMAND_ISOLATION=none.`,
  );
}

/**
 * Where the programs of a PATH lie that are not the system's, as far as commands may go there.
 *
 * @param environment of commands
 * @param runAs identity of commands
 * @param shadowHome SHADOW_HOME, where nothing is for commands
 */
export async function findToolPlaces(
  environment: Readonly<Record<string, string>>,
  runAs: RunAs | undefined,
  shadowHome: string,
): Promise<readonly string[]> {
  const isPrivate = (place: string) => place === shadowHome || place.startsWith(`${shadowHome}/`);
  const places = (environment.PATH ?? '')
    .split(':')
    .filter((place) => place.startsWith('/') && !SYSTEM.test(place) && !isPrivate(place))
    .flatMap(programs);
  if (places.length === 0) return [];
  // Asked as the one who will use them: root sees more than its commands do.
  const { stdout } = await execute('/bin/sh', ['-c', WHICH_REACHABLE, 'sh', ...places], {
    cwd: '/',
    env: {},
    ...runAs,
  });
  return stdout.split('\0').filter(Boolean);
}

/** A directory of programs and what they are of no use without; never the whole of what it lies in, such as a home. */
function programs(place: string): string[] {
  const parent = dirname(place);
  // Links into the packages beside it.
  if (basename(place) === '.bin' && basename(parent) === 'node_modules') return [parent];
  return [place, join(parent, 'lib')];
}
