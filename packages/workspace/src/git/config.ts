/**
 * Settings of the workspace's own config that change what git stores or shows and cannot name anything to run. Nothing
 * else of it reaches the git that we run.
 */
const KEPT: ReadonlySet<string> = new Set([
  'core.autocrlf',
  'core.eol',
  'core.filemode',
  'core.ignorecase',
  'core.precomposeunicode',
  'core.repositoryformatversion',
  'core.sparsecheckout',
  'core.sparsecheckoutcone',
  'core.symlinks',
  'extensions.objectformat',
  'extensions.refstorage',
  'i18n.commitencoding',
  'index.sparse',
]);

/** Values of the settings above: words, numbers, names of encodings. */
const PLAIN_VALUE = /^[A-Za-z0-9_.-]{1,64}$/;

/** What the workspace's config comes to. */
export interface RepositorySettings {
  /** The config that our git reads instead. */
  readonly config: string;
  readonly userName: string | undefined;
  readonly userEmail: string | undefined;
  readonly originUrl: string | undefined;
  /** What a finished clone recorded; undefined for any other repository. */
  readonly clone: FinishedClone | undefined;
}

/** What a clone was made from: `shadow.base`, the last thing that is written of one, is `<commit> <branch>`. */
export interface FinishedClone {
  readonly baseCommit: string;
  readonly baseBranch: string;
  /** The branch that was made; undefined where that was not recorded. */
  readonly branch: string | undefined;
}

/**
 * Makes a harmless config out of the workspace's.
 *
 * @param listing what `git config --list -z --no-includes` says of it: `key LF value`, NUL after each
 */
export function harmlessSettings(listing: string): RepositorySettings {
  const values = new Map<string, string>();
  for (const entry of listing.split('\0')) {
    const cut = entry.indexOf('\n');
    if (cut > 0) values.set(entry.slice(0, cut).toLowerCase(), entry.slice(cut + 1));
  }
  const lines = ['[core]', '\tbare = false'];
  for (const key of KEPT) {
    const value = values.get(key);
    if (value === undefined || !PLAIN_VALUE.test(value)) continue;
    const [section, name] = key.split('.');
    lines.push(`[${section}]`, `\t${name} = ${value}`);
  }
  return {
    config: `${lines.join('\n')}\n`,
    userName: identityPart(values.get('user.name')),
    userEmail: identityPart(values.get('user.email')),
    originUrl: values.get('remote.origin.url'),
    clone: finishedClone(values.get('shadow.base'), values.get('shadow.branch')),
  };
}

function finishedClone(base: string | undefined, branch: string | undefined): FinishedClone | undefined {
  const [, baseCommit, baseBranch] = /^([0-9a-f]{40,64}) (.+)$/.exec(base ?? '') ?? [];
  if (baseCommit === undefined || baseBranch === undefined) return undefined;
  return { baseCommit, baseBranch, branch };
}

/**
 * A name or an address as git can store it: without the characters that delimit it there.
 *
 * @returns undefined when nothing is left
 */
export function identityPart(text: string | undefined): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const cleaned = text?.replace(/[\u0000-\u001f\u007f<>]/g, ' ').trim();
  return cleaned === undefined || cleaned === '' ? undefined : cleaned;
}
