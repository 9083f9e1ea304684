import type { GitRemotes } from '../../../src/execution/conformance/index.ts';
import type { MemoryRemotes } from '../../../src/execution/mock/git/memory-remotes.ts';

const BASE = 'http://git.example.com';
const AUTHOR = { name: 'Seed', email: 'seed@example.com' };

/** The simulated servers of a simulated workspace, for the suite. */
export async function simulatedRemotes(remotes: MemoryRemotes): Promise<GitRemotes> {
  let repositories = 0;
  return {
    async create(credential) {
      repositories += 1;
      const url = `${BASE}/repository-${repositories}.git`;
      remotes.create(url, 'main', credential);
      return url;
    },
    async commit(url, branch, files, { orphan = false } = {}) {
      const { repository } = remotes.create(url, 'main');
      const parent = orphan ? undefined : (repository.find(branch) ?? repository.find('main'));
      if (parent !== undefined && !repository.hasBranch(branch)) repository.setBranch(branch, parent.id);
      repository.branch = branch;
      const blobs = Object.entries(files).map(
        ([path, content]) => [path, { bytes: Buffer.from(content), mode: '100644' }] as const,
      );
      const snapshot = new Map([...(parent?.files ?? []), ...blobs]);
      const { id } = repository.commit(snapshot, AUTHOR, `Commit on ${branch}`);
      repository.branch = 'main';
      return id;
    },
    tip: async (url, branch) => remotes.create(url, 'main').repository.branches.get(branch),
    missing: () => `${BASE}/missing.git`,
    unreachable: () => 'http://nobody.example.com/x.git',
    async [Symbol.asyncDispose]() {
      // They end with the workspace.
    },
  };
}
