import { createApiClient, createRealtimeClient, type RealtimeClient } from '@shadow/client';
import { basePath } from '../app/base-path.ts';

let onUnauthenticated: () => void = () => undefined;

/** Says what happens when the server no longer knows this browser. */
export function whenUnauthenticated(listener: () => void): void {
  onUnauthenticated = listener;
}

/** The HTTP API. */
export const api = createApiClient({ baseUrl: basePath, onUnauthenticated: () => onUnauthenticated() });

let opened: RealtimeClient | undefined;

/** The page's one socket, opened at first use: on the sign-in page there is nobody to open it for. */
export function realtime(): RealtimeClient {
  if (opened === undefined) {
    opened = createRealtimeClient({ baseUrl: basePath });
    opened.onStateChange((state) => {
      if (state === 'unauthenticated') onUnauthenticated();
    });
  }
  return opened;
}
