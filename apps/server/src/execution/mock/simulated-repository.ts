import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { MockToolExecutor } from './mock-tool-executor.ts';
import { sampleNode, sampleNpm } from './sample-programs.ts';

const AUTHOR = { name: 'Shadow', email: 'shadow@localhost' };
/** Fixed, so that the first commit is the same each time. */
const COMMITTED_AT = '2026-01-01T00:00:00.000Z';

/**
 * Puts a repository into a simulated workspace: the bundled sample with its programs, or for any other name a small one
 * that says what it stands for.
 *
 * @param assets absolute path of the sample's files
 * @returns the id of its only commit
 */
export async function cloneSimulated(
  executor: MockToolExecutor,
  repository: string,
  branch: string,
  assets: string,
): Promise<string> {
  executor.initRepository(branch);
  if (repository === 'sample') await putSample(executor, assets);
  else executor.putFile('README.md', `# ${nameOf(repository)}\n\nA simulated copy of ${repository}.\n`);
  return executor.commitAll('A simulated first commit', AUTHOR, COMMITTED_AT);
}

async function putSample(executor: MockToolExecutor, assets: string): Promise<void> {
  const entries = await readdir(assets, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((found) => found.isFile())) {
    const full = join(entry.parentPath, entry.name);
    executor.putFile(relative(assets, full).split(sep).join('/'), await readFile(full));
  }
  executor.registerProgram('node', sampleNode);
  executor.registerProgram('npm', sampleNpm);
}

function nameOf(repository: string): string {
  const last = repository.replace(/\/+$/, '').split('/').at(-1) ?? repository;
  return last.replace(/\.git$/, '');
}
