import { randomUUID } from 'node:crypto';
import type { RunAs } from '../context.ts';
import { spawnOnPipes } from './child.ts';
import { findShell } from './executables.ts';
import { killGroup } from './group.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** What commands may see of a login: where tools and their data lie, language and certificates; nothing like a credential. */
const ALLOWED: readonly RegExp[] = [
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLORTERM|TMPDIR|EDITOR|PAGER)$/,
  /^(MANPATH|INFOPATH|PKG_CONFIG_PATH|LD_LIBRARY_PATH|CPATH|LIBRARY_PATH|XDG_[A-Z]+_(HOME|DIRS|DIR))$/,
  /^(NVM_DIR|NVM_BIN|FNM_DIR|FNM_MULTISHELL_PATH|VOLTA_HOME|PNPM_HOME|BUN_INSTALL|DENO_INSTALL|COREPACK_HOME)$/,
  /^(PYENV_ROOT|VIRTUAL_ENV|CONDA_PREFIX|CONDA_EXE|CONDA_DEFAULT_ENV|UV_CACHE_DIR|PIPX_HOME)$/,
  /^(GOPATH|GOROOT|GOBIN|CARGO_HOME|RUSTUP_HOME|JAVA_HOME|SDKMAN_DIR|GRADLE_USER_HOME|M2_HOME|MAVEN_HOME)$/,
  /^(RBENV_ROOT|GEM_HOME|GEM_PATH|ASDF_DIR|ASDF_DATA_DIR|MISE_DATA_DIR|ANDROID_HOME|ANDROID_SDK_ROOT|DOTNET_ROOT)$/,
  /^(HOMEBREW_(PREFIX|CELLAR|REPOSITORY)|NIX_PATH|NIX_PROFILES|NIX_SSL_CERT_FILE)$/,
  /^(SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO)$/,
];

export interface LoginEnvironmentOptions {
  /** What the login shell starts with; at least HOME, USER and a PATH. */
  base: Readonly<Record<string, string>>;
  /** Whose login it is; absent for the present user. */
  runAs?: RunAs;
  /** Further names let through. */
  allow?: readonly string[];
  /** Gives up on a profile that hangs; default 10,000. */
  timeoutMs?: number;
}

/**
 * The environment that a login shell would give commands, filtered by an allow-list. Run once: a heavy profile costs many
 * times what a command does.
 *
 * @returns the filtered base environment when the login shell fails or hangs
 */
export async function captureLoginEnvironment(
  options: LoginEnvironmentOptions,
): Promise<Record<string, string>> {
  const allow = new Set(options.allow ?? []);
  const isAllowed = (name: string) => allow.has(name) || ALLOWED.some((pattern) => pattern.test(name));
  const captured = { ...options.base, ...(await runLoginShell(options)) };
  return Object.fromEntries(Object.entries(captured).filter(([name]) => isAllowed(name)));
}

async function runLoginShell(options: LoginEnvironmentOptions): Promise<Record<string, string>> {
  // Profiles print what they like; what we asked for stands between two marks.
  const mark = `shadow-${randomUUID()}`;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    const child = await spawnOnPipes({
      file: findShell(options.base.PATH),
      args: ['-l', '-c', `printf '%s' ${mark}; env -0; printf '%s' ${mark}`],
      cwd: '/',
      env: options.base,
      stdin: 'ignore',
      onOutput: (stream, data) => {
        bytes += data.length;
        if (stream === 'stdout' && bytes <= MAX_OUTPUT_BYTES) chunks.push(data);
      },
      ...(options.runAs === undefined ? {} : { runAs: options.runAs }),
    });
    const timer = setTimeout(() => void killGroup(child.pid, 0), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    await child.exited;
    clearTimeout(timer);
    // A daemon that the profile started would hold the output open for ever.
    await killGroup(child.pid, 0);
    child.destroyOutput();
    await child.drained;
  } catch {
    return {};
  }
  return parseEnvironment(Buffer.concat(chunks).toString('utf8').split(mark)[1] ?? '');
}

function parseEnvironment(text: string): Record<string, string> {
  const entries = text.split('\0').flatMap((entry) => {
    const equals = entry.indexOf('=');
    return equals > 0 ? [[entry.slice(0, equals), entry.slice(equals + 1)] as const] : [];
  });
  return Object.fromEntries(entries);
}
