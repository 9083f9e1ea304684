/** Variables that git and its ssh need to reach repositories as the server's user would. */
const GIT = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'XDG_CONFIG_HOME',
  'SSH_AUTH_SOCK',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
] as const;

/** What an agent's commands may know of the server's environment: where programs are and which language is spoken. */
const COMMANDS = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'TZ',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
] as const;

function pick(environment: Readonly<NodeJS.ProcessEnv>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Environment of git on the server's own mirrors. */
export function gitVariables(environment: Readonly<NodeJS.ProcessEnv>): Record<string, string> {
  return pick(environment, GIT);
}

/** Environment of agents' commands: an allow-list, so that no key or token of the server is ever in it. */
export function commandVariables(environment: Readonly<NodeJS.ProcessEnv>): Record<string, string> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', ...pick(environment, COMMANDS) };
}
