/**
 * The path the server is mounted under, without a trailing slash: `''` or `/shadow`. The server writes its BASE_PATH
 * into `<meta name="shadow-base-path">` of the page.
 */
export const basePath: string = readBasePath();

function readBasePath(): string {
  const meta = document.querySelector('meta[name="shadow-base-path"]');
  const segments = (meta?.getAttribute('content') ?? '').split('/').filter((segment) => segment !== '');
  return segments.length === 0 ? '' : `/${segments.join('/')}`;
}
