import { endpoints } from '@shadow/protocol';
import { Router } from 'express';
import type { RepositoryService } from '../../tasks/contracts.ts';
import { route } from '../route.ts';

/** What a task can be pointed at. */
export function repositoriesRouter(repositories: RepositoryService): Router {
  const router = Router();
  route(router, endpoints.listRepositories, async ({ userId }) => ({
    repositories: await repositories.suggestions(userId),
  }));
  route(router, endpoints.listBranches, ({ userId, query }) =>
    repositories.branches(userId, query.repository),
  );
  return router;
}
