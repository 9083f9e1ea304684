import type { CliContext } from '../context.ts';
import { withServer } from '../server/with-server.ts';

/** `shadow sign-in-url`: prints a URL that signs the owner in, once. */
export async function printSignInUrl(context: CliContext): Promise<void> {
  await withServer(context, { start: false }, async ({ api, access }) => {
    const { token } = await api.createSignInToken();
    context.output.line(`${access.url.replace(/\/+$/, '')}/sign-in?token=${encodeURIComponent(token)}`);
  });
}
