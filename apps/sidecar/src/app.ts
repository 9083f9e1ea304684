import { ShadowError } from '@shadow/protocol';
import express, { type Express } from 'express';
import { rateLimit } from 'express-rate-limit';
import { requireToken } from './auth.ts';
import type { SidecarContext } from './context.ts';
import { errorHandler, notFound } from './http/errors.ts';
import { requestLog } from './http/request-log.ts';
import { execRouter } from './routes/exec.ts';
import { filesRouter } from './routes/files.ts';
import { gitRouter } from './routes/git.ts';
import { healthRouter, systemRouter } from './routes/health.ts';
import { searchRouter } from './routes/search.ts';
import { terminalRouter } from './routes/terminal.ts';
import { workspaceRouter } from './routes/workspace.ts';

/** The whole HTTP side. Health first, then the gate: whatever is added below it cannot be reached without the token. */
export function createApp(context: SidecarContext): Express {
  const app = express();
  app.disable('x-powered-by');
  // Answers are read once, by a program: hashing each of them would only cost time.
  app.disable('etag');
  app.use(requestLog(context.log, context.metrics));
  app.use(healthRouter(context));
  app.use(limitRate(context.limits.ratePerSecond));
  app.use(requireToken(context.authenticator));
  app.use((_request, response, next) => {
    response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    next();
  });
  app.use(filesRouter(context));
  app.use(searchRouter(context));
  app.use(execRouter(context));
  app.use(terminalRouter(context));
  app.use(gitRouter(context));
  app.use(workspaceRouter(context));
  app.use(systemRouter(context));
  app.use(notFound);
  app.use(errorHandler(context.log));
  return app;
}

function limitRate(limit: number): ReturnType<typeof rateLimit> {
  return rateLimit({
    windowMs: 1000,
    limit,
    standardHeaders: false,
    legacyHeaders: false,
    handler: (_request, response, next) => {
      response.set('Retry-After', '1');
      next(new ShadowError('RATE_LIMITED', `More than ${limit} requests a second; wait and try again.`));
    },
  });
}
