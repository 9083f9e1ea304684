import { endpoints, ShadowError } from '@shadow/protocol';
import { type RequestHandler, Router } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { HttpDependencies } from '../dependencies.ts';
import { publicRoute, route } from '../route.ts';
import { isCrossOrigin } from '../same-origin.ts';

/** Failed sign-ins an address may make in the window. */
const SIGN_IN_ATTEMPTS = 10;
const SIGN_IN_WINDOW_MS = 60_000;

/** The way in: open to everyone, limited by address. */
export function signInRouter({ access, installation, publicUrl }: HttpDependencies): Router {
  const router = Router();
  publicRoute(
    router,
    endpoints.signInWithToken,
    async ({ body, request, response }) => {
      if (isCrossOrigin(request.headers, publicUrl)) {
        throw new ShadowError('FORBIDDEN', 'Sign in on the page itself, not from another site.');
      }
      const { principal, setCookies } = await access.signIn(body.token, request.headers);
      response.append('Set-Cookie', [...setCookies]);
      return { user: principal.user, ...installation };
    },
    signInLimit(),
  );
  return router;
}

function signInLimit(): RequestHandler {
  return rateLimit({
    windowMs: SIGN_IN_WINDOW_MS,
    limit: SIGN_IN_ATTEMPTS,
    skipSuccessfulRequests: true,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: () => {
      throw new ShadowError('RATE_LIMITED', 'Too many failed sign-ins from this address; wait a minute.');
    },
  });
}

/** Who one is, the session's end, and API keys. */
export function accessRouter({ access, installation }: HttpDependencies): Router {
  const router = Router();
  route(router, endpoints.signOut, async ({ principal, request, response }) => {
    const setCookies = await access.signOut(principal.credential, request.headers);
    response.removeHeader('Set-Cookie');
    response.append('Set-Cookie', [...setCookies]);
    return undefined;
  });
  route(router, endpoints.createSignInToken, async ({ principal }) => {
    // The token signs its bearer in as the owner: nobody else may make one.
    if (principal.user.role !== 'owner') {
      throw new ShadowError('FORBIDDEN', 'Only the owner of this installation can make a sign-in link.');
    }
    return { token: await access.issueSignInToken() };
  });
  route(router, endpoints.getMe, async ({ principal }) => ({ user: principal.user, ...installation }));
  route(router, endpoints.listApiKeys, async ({ userId }) => ({
    apiKeys: await access.listApiKeys(userId),
  }));
  route(router, endpoints.createApiKey, ({ userId, body }) => access.createApiKey(userId, body));
  route(router, endpoints.deleteApiKey, ({ userId, params }) =>
    access.deleteApiKey(userId, params.apiKeyId).then(() => undefined),
  );
  return router;
}
