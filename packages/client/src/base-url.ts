/** Where a server is: its origin (undefined: the page's own) and the path it is mounted under, without trailing slash. */
export interface ServerAddress {
  readonly origin: string | undefined;
  readonly basePath: string;
}

/**
 * Splits a base URL as a person or BASE_PATH gives it.
 *
 * @param baseUrl `http://host:4000`, `https://host/shadow`, or in a browser a path alone (`''`, `/shadow`)
 * @throws TypeError when an absolute URL cannot be parsed
 */
export function parseBaseUrl(baseUrl: string): ServerAddress {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(baseUrl)) return { origin: undefined, basePath: trimSlashes(baseUrl) };
  const url = new URL(baseUrl);
  return { origin: url.origin, basePath: trimSlashes(url.pathname) };
}

function trimSlashes(path: string): string {
  const inner = path.split('/').filter((segment) => segment !== '');
  return inner.length === 0 ? '' : `/${inner.join('/')}`;
}
