import type { GitCredential } from '@shadow/protocol';
import { type AddressScheme, allowedProtocols, isHttp } from './addresses.ts';
import { credentialSettings } from './credential.ts';
import type { GitScope } from './git-scope.ts';
import { TRACE_VARIABLES } from './http-trace.ts';

/** A connection that a git may make. */
export interface Network {
  readonly url: string;
  readonly scheme: AddressScheme;
  readonly credential: GitCredential | undefined;
}

/** Settings of every git that we run, above all files (git-config(1)). */
const HARDENING: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.pager=cat',
  'core.editor=false',
  'core.askPass=',
  'core.sshCommand=false',
  'core.untrackedCache=false',
  'credential.helper=',
  'protocol.allow=never',
  'protocol.ext.allow=never',
  'commit.gpgSign=false',
  'tag.gpgSign=false',
  'gpg.program=false',
  'log.showSignature=false',
  'diff.ignoreSubmodules=dirty',
  'submodule.recurse=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'safe.directory=*',
];

/** A server that went silent ends the transfer. */
const NETWORK_SETTINGS: readonly string[] = ['http.lowSpeedLimit=1', 'http.lowSpeedTime=60'];

/** Variables of the workspace's environment that git is given. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TZ'];
/** The way out, for a git that may connect: proxies and whose certificates are believed, which the machine decides. */
const NETWORK_PASSED_ON = [
  'http_proxy',
  'https_proxy',
  'HTTPS_PROXY',
  'all_proxy',
  'ALL_PROXY',
  'no_proxy',
  'NO_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'SSH_AUTH_SOCK',
];

/** Arguments of git before its command. */
export function gitSettings(network: Network | undefined): string[] {
  const further =
    network === undefined
      ? []
      : [
          ...NETWORK_SETTINGS,
          ...(network.credential !== undefined && isHttp(network.scheme)
            ? credentialSettings(network.url)
            : []),
        ];
  return [...HARDENING, ...further].flatMap((setting) => ['-c', setting]);
}

/** The environment of a git; nothing in it is secret. */
export function gitEnvironment(scope: GitScope, network: Network | undefined): Record<string, string> {
  const names = network === undefined ? PASSED_ON : [...PASSED_ON, ...NETWORK_PASSED_ON];
  const passed = names.flatMap((name) => {
    const value = scope.environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passed),
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'false',
    SSH_ASKPASS: 'false',
    GIT_EDITOR: 'false',
    GIT_PAGER: 'cat',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: network === undefined ? 'none' : allowedProtocols(network.scheme),
    ...(network === undefined ? {} : networkVariables(network)),
  };
}

function networkVariables({ scheme }: Network): Record<string, string> {
  return {
    // A .netrc there would be one more helper, and the workspace may write to its home.
    HOME: '/nonexistent',
    // No configuration of ssh: it names programs to run.
    GIT_SSH_COMMAND: 'ssh -F /dev/null -oBatchMode=yes -oConnectTimeout=15',
    ...(isHttp(scheme) ? TRACE_VARIABLES : {}),
  };
}
