import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a browser sent this from our own pages. A cookie goes along with requests that other sites (and other ports
 * of this host) make, so what changes something on the strength of a cookie must show where it comes from.
 * Headers after https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site and …/Origin
 * @param publicUrl origin that people open when a proxy rewrites the Host header
 */
export function isSameOrigin(headers: IncomingHttpHeaders, publicUrl: string | null): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  // Browsers send no Sec-Fetch-Site to plain http origins other than localhost.
  return headers.origin !== undefined && isOwnOrigin(headers.origin, headers.host, publicUrl);
}

/** Whether a page of another origin sent this; false for programs, which send no such header. */
export function isCrossOrigin(headers: IncomingHttpHeaders, publicUrl: string | null): boolean {
  if (headers['sec-fetch-site'] === 'same-origin') return false;
  return headers.origin !== undefined && !isOwnOrigin(headers.origin, headers.host, publicUrl);
}

function isOwnOrigin(origin: string, host: string | undefined, publicUrl: string | null): boolean {
  if (origin === publicUrl) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host;
}
