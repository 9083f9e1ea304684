import { createHash } from 'node:crypto';
import { apiKey } from '@better-auth/api-key';
import type { PrismaClient } from '@shadow/db';
import { betterAuth } from 'better-auth';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import { createAuthEndpoint } from 'better-auth/api';
import { setSessionCookie } from 'better-auth/cookies';
import type { Logger } from 'pino';
import * as z from 'zod';

export interface AuthOptions {
  readonly database: PrismaClient;
  /** Signs session cookies. */
  readonly secret: string;
  /** Empty, or `/path`: where the cookie is sent to. */
  readonly basePath: string;
  /** Origin that people open; null for the listening address. */
  readonly publicUrl: string | null;
  readonly logger: Logger;
}

const DAY_SECONDS = 86_400;

/**
 * better-auth as a library: it keeps sessions, signs cookies and makes API keys. Its own HTTP routes are not mounted,
 * so that what is reachable is exactly our table of endpoints.
 */
export function createAuth(options: AuthOptions) {
  const isSecure = options.publicUrl?.startsWith('https:') ?? false;
  return betterAuth({
    appName: 'Shadow',
    baseURL: options.publicUrl ?? 'http://localhost',
    secret: options.secret,
    database: prismaAdapter(options.database, { provider: 'postgresql' }),
    emailAndPassword: { enabled: false },
    telemetry: { enabled: false },
    session: { expiresIn: 30 * DAY_SECONDS, updateAge: DAY_SECONDS },
    user: { additionalFields: { role: { type: 'string', input: false, defaultValue: 'owner' } } },
    advanced: {
      useSecureCookies: isSecure,
      cookiePrefix: cookiePrefix(options.secret),
      defaultCookieAttributes: {
        httpOnly: true,
        sameSite: 'lax',
        secure: isSecure,
        path: options.basePath === '' ? '/' : options.basePath,
      },
      // Requests are limited by our own routes.
      ipAddress: { disableIpTracking: true },
    },
    logger: authLogger(options.logger),
    plugins: [apiKeys(), startSession()],
  });
}

export type Auth = ReturnType<typeof createAuth>;

/** Browsers share cookies between the ports of a host: each installation has names of its own. */
function cookiePrefix(secret: string): string {
  return `shadow-${createHash('sha256').update(`cookie prefix ${secret}`).digest('hex').slice(0, 8)}`;
}

function apiKeys() {
  return apiKey({
    defaultPrefix: 'shadow_',
    rateLimit: { enabled: false },
    keyExpiration: { maxExpiresIn: 3650 },
    maximumNameLength: 100,
    startingCharactersConfig: { charactersLength: 12 },
    schema: { apikey: { modelName: 'apiKey' } },
  });
}

/** Adds `auth.api.startSession`: a session and its cookie for somebody whose sign-in token was accepted. */
function startSession() {
  return {
    id: 'shadow-start-session',
    endpoints: {
      startSession: createAuthEndpoint(
        '/start-session',
        { method: 'POST', body: z.object({ userId: z.string() }), metadata: { SERVER_ONLY: true } },
        async (context) => {
          const { internalAdapter } = context.context;
          const user = await internalAdapter.findUserById(context.body.userId);
          if (user === null) throw new Error('The user of this session is gone.');
          const session = await internalAdapter.createSession(user.id);
          await setSessionCookie(context, { session, user });
          return { sessionId: session.id };
        },
      ),
    },
  };
}

function authLogger(logger: Logger) {
  const log = logger.child({ component: 'AUTH' });
  return {
    level: 'warn' as const,
    // Only the message: what it logs along may hold tokens.
    log: (level: string, message: string) => (level === 'error' ? log.error(message) : log.warn(message)),
  };
}
