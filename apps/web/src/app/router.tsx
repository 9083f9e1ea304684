import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
} from '@tanstack/react-router';
import * as z from 'zod';
import { HomePage } from '../composer/home-page.tsx';
import { SignInPage } from '../sign-in/sign-in-page.tsx';
import { basePath } from './base-path.ts';
import { Broken } from './broken.tsx';
import { AppFrame } from './frame.tsx';
import { NotFound } from './not-found.tsx';

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: z.object({ token: z.coerce.string().optional().catch(undefined) }),
  component: SignInPage,
});

const frame = createRoute({ getParentRoute: () => root, id: 'frame', component: AppFrame });

const home = createRoute({ getParentRoute: () => frame, path: '/', component: HomePage });

const task = createRoute({
  getParentRoute: () => frame,
  path: '/tasks/$taskId',
  component: lazyRouteComponent(() => import('../task/task-page.tsx'), 'TaskPage'),
});

const settings = createRoute({
  getParentRoute: () => frame,
  path: '/settings',
  component: lazyRouteComponent(() => import('../settings/settings-page.tsx'), 'SettingsPage'),
});

/** The page's router; every address is below the server's base path. */
export const router = createRouter({
  routeTree: root.addChildren([signIn, frame.addChildren([home, task, settings])]),
  basepath: basePath === '' ? '/' : basePath,
  defaultPreload: 'intent',
  scrollRestoration: false,
  defaultErrorComponent: Broken,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
