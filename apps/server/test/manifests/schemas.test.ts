import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { K8S, kustomize, type Manifest, missingKustomize, parseManifests } from './support/kustomize.ts';
import { problemsOf } from './support/schema.ts';

const missing = missingKustomize();
if (missing !== undefined) console.warn(`SKIPPED: manifests cannot be put together: ${missing}`);

async function problems(manifests: readonly Manifest[]): Promise<string[]> {
  return (await Promise.all(manifests.map(problemsOf))).flat();
}

/** A component upon the production overlay. */
async function withComponent(component: string): Promise<Manifest[]> {
  const directory = await mkdtemp(join(tmpdir(), 'shadow-kustomize-'));
  try {
    const path = (name: string) => relative(directory, join(K8S, name));
    const kustomization = { resources: [path('overlays/production')], components: [path(component)] };
    await writeFile(join(directory, 'kustomization.yaml'), JSON.stringify(kustomization));
    return await kustomize(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe.skipIf(missing !== undefined)('manifests', () => {
  it.each(['overlays/local', 'overlays/production'])(
    'of %s are valid in current Kubernetes',
    async (overlay) => {
      const manifests = await kustomize(overlay);
      expect(manifests.length).toBeGreaterThan(10);
      expect(await problems(manifests)).toEqual([]);
    },
  );

  it.each(['ebs', 'efs', 'build-cache'])(
    'of the component %s are valid, and it can be added',
    async (name) => {
      const without = await kustomize('overlays/production');
      const manifests = await withComponent(`components/${name}`);
      expect(manifests.length).toBeGreaterThan(without.length);
      expect(await problems(manifests)).toEqual([]);
    },
  );

  it('leave out no component that there is', async () => {
    expect((await readdir(join(K8S, 'components'))).sort()).toEqual(
      ['build-cache', 'disruption-budgets', 'ebs', 'efs', 'ingress', 'monitoring'].sort(),
    );
  });

  it('of the volume for a cluster without a default StorageClass are valid', async () => {
    const manifests = parseManifests(await readFile(join(K8S, 'overlays/local/home-volume.yaml'), 'utf8'));
    expect(await problems(manifests)).toEqual([]);
  });

  it('with a mistake are found out', async () => {
    const [deployment] = (await kustomize('overlays/local')).filter(({ kind }) => kind === 'Deployment');
    if (deployment === undefined) throw new Error('there is no Deployment');
    expect(await problems([{ ...deployment, spec: { replicas: 'two' } }])).not.toEqual([]);
    expect(await problems([{ ...deployment, spce: {} }])).toEqual([
      'Deployment shadow-server.spce is not known',
    ]);
  });
});
