import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import express, { type RequestHandler, Router } from 'express';

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/**
 * Serves the built web UI: files by name, and index.html for every other page of the application.
 * @param directory absolute path of the build; it may not be there yet
 * @param basePath empty, or `/path`: told to the page by its `<base>` and a `<meta name="shadow-base-path">`
 */
export function webAssets(directory: string, basePath: string): Router {
  const router = Router();
  router.use((_request, response, next) => {
    response.locals.operation = 'web';
    next();
  });
  router.get('/index.html', page(directory, basePath));
  // The build puts a hash of the content into the names under assets/, so that a name never changes its content.
  router.use(
    '/assets',
    express.static(join(directory, 'assets'), {
      immutable: true,
      maxAge: YEAR_MS,
      index: false,
      redirect: false,
    }),
  );
  router.use(
    express.static(directory, {
      index: false,
      redirect: false,
      setHeaders: (response) => response.set('Cache-Control', 'no-cache'),
    }),
  );
  router.get('/{*path}', page(directory, basePath));
  return router;
}

function page(directory: string, basePath: string): RequestHandler {
  return async (request, response, next) => {
    const extension = extname(request.path);
    // A missing file is missing; a page in its place would run as a broken script or image.
    if (extension !== '' && extension !== '.html') return next();
    const html = await readIndex(join(directory, 'index.html'));
    response.set('Cache-Control', 'no-cache').type('html').send(withBase(html, basePath));
  };
}

async function readIndex(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ShadowError('UNAVAILABLE', 'The web UI is not built: run "npm run build", then reload.', {
      cause,
    });
  }
}

/** BASE_PATH is of URL-safe characters only, so that it needs no escaping here. */
function withBase(html: string, basePath: string): string {
  const tags = `<base href="${basePath}/"><meta name="shadow-base-path" content="${basePath}">`;
  return html.replace(/<head[^>]*>/i, (head) => `${head}${tags}`);
}
