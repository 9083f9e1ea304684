import { ShadowError } from '@shadow/protocol';
import * as z from 'zod';
import type { MemoryCommit, MemoryRepository } from './memory-repository.ts';

/** Simulated bundles are for simulated workspaces alone: git would not know what to do with ids that are not its own. */
const SIGNATURE = '# simulated git bundle\n';

const Blob = z.object({
  bytes: z.base64().transform((text) => Buffer.from(text, 'base64')),
  mode: z.enum(['100644', '100755', '120000']),
});
const Contents = z.object({
  branches: z.array(z.tuple([z.string(), z.string()])),
  commits: z.array(
    z.object({
      id: z.string(),
      files: z.array(z.tuple([z.string(), Blob])).transform((files) => new Map(files)),
      parents: z.array(z.string()),
      author: z.object({ name: z.string(), email: z.string() }),
      message: z.string(),
      authoredAt: z.string(),
    }),
  ),
});

/** What is in a bundle. */
export interface MemoryBundle {
  readonly branches: readonly (readonly [string, string])[];
  readonly commits: readonly MemoryCommit[];
}

/** The bytes of a bundle of commits and of all branches. */
export function writeBundle(repository: MemoryRepository, commits: readonly MemoryCommit[]): Buffer {
  const contents: z.input<typeof Contents> = {
    branches: [...repository.branches],
    commits: commits.map(({ files, parents, ...commit }) => ({
      ...commit,
      parents: [...parents],
      files: [...files].map(([path, { bytes, mode }]) => [path, { bytes: bytes.toString('base64'), mode }]),
    })),
  };
  return Buffer.from(SIGNATURE + JSON.stringify(contents));
}

/** @throws ShadowError VALIDATION_FAILED for what is no bundle, or builds on commits that are not in it */
export async function readBundle(content: AsyncIterable<Uint8Array>): Promise<MemoryBundle> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  if (!text.startsWith(SIGNATURE)) throw invalid('These bytes are not a simulated git bundle.');
  const bundle = Contents.parse(JSON.parse(text.slice(SIGNATURE.length)));
  const ids = new Set(bundle.commits.map(({ id }) => id));
  const isWhole = bundle.commits.every(({ parents }) => parents.every((parent) => ids.has(parent)));
  if (!isWhole) throw invalid('The bundle builds on commits that are not in it.');
  return bundle;
}

function invalid(message: string): ShadowError {
  return new ShadowError('VALIDATION_FAILED', message);
}
