import type { PrismaClient } from '@shadow/db';
import { SAMPLE_REPOSITORY, ShadowError } from '@shadow/protocol';
import type { RepositoryService } from '../tasks/contracts.ts';
import type { MirrorCache } from './mirror-cache.ts';
import { parseRepository, type RepositorySource } from './repository-source.ts';

/** Repositories suggested at most. */
const MAX_SUGGESTIONS = 20;

export interface RepositoryServiceOptions {
  prisma: PrismaClient;
  mirrors: MirrorCache;
  allowLocal: boolean;
  /** Makes the sample when it is first wanted. @returns its path */
  sampleRepository(): Promise<string>;
}

/** Repositories that users name, have used, and can start from. */
export class MirroredRepositoryService implements RepositoryService {
  readonly #options: RepositoryServiceOptions;

  constructor(options: RepositoryServiceOptions) {
    this.#options = options;
  }

  /** @throws ShadowError VALIDATION_FAILED, FORBIDDEN */
  async resolve(repository: string): Promise<RepositorySource> {
    const samplePath = repository === SAMPLE_REPOSITORY ? await this.#options.sampleRepository() : '';
    return parseRepository(repository, { samplePath, allowLocal: this.#options.allowLocal });
  }

  /** Remembers that a user started a task from it. */
  async remember(userId: string, repository: string): Promise<void> {
    if (repository === SAMPLE_REPOSITORY) return;
    await this.#options.prisma.repository.upsert({
      where: { userId_source: { userId, source: repository } },
      create: { userId, source: repository },
      update: { lastUsedAt: new Date() },
    });
  }

  async suggestions(userId: string): Promise<Awaited<ReturnType<RepositoryService['suggestions']>>> {
    const rows = await this.#options.prisma.repository.findMany({
      where: { userId },
      orderBy: { lastUsedAt: 'desc' },
      take: MAX_SUGGESTIONS,
    });
    const used = rows.flatMap(({ source }) => {
      try {
        const { kind, name } = parseRepository(source, {
          samplePath: '',
          allowLocal: this.#options.allowLocal,
        });
        return [{ source, name, kind }];
      } catch (error) {
        // What was allowed when it was used may not be now.
        if (error instanceof ShadowError) return [];
        throw error;
      }
    });
    return [...used, { source: SAMPLE_REPOSITORY, name: 'Sample repository', kind: 'sample' }];
  }

  async branches(
    _userId: string,
    repository: string,
  ): Promise<{ defaultBranch: string; branches: string[] }> {
    const source = await this.resolve(repository);
    const refs = await this.#options.mirrors.readRefs(source);
    if (refs.defaultBranch === null) {
      throw new ShadowError(
        'BRANCH_NOT_FOUND',
        `${source.name} has no commits yet. Commit something there first.`,
      );
    }
    return { defaultBranch: refs.defaultBranch, branches: [...refs.branches.keys()] };
  }
}
