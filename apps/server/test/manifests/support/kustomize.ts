import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';

export const K8S = fileURLToPath(new URL('../../../../../k8s', import.meta.url));

/** An object of Kubernetes, whatever its kind. */
export const Manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});
export type Manifest = z.infer<typeof Manifest>;

/** @returns why manifests cannot be put together here; undefined where they can */
export function missingKustomize(): string | undefined {
  const { status, stdout } = spawnSync('kubectl', ['version', '--client', '--output', 'json'], {
    encoding: 'utf8',
  });
  if (status !== 0) return 'kubectl is not installed';
  // Components and many patches in one file came with version 5 of kustomize, kubectl 1.27.
  const version = /"kustomizeVersion": *"v(\d+)/.exec(stdout)?.[1] ?? '0';
  return Number(version) >= 5 ? undefined : 'kubectl is older than 1.27';
}

/** Puts a kustomization together. @param directory absolute, or relative to k8s/ */
export async function kustomize(directory: string): Promise<Manifest[]> {
  return parseManifests(await kustomizeText(directory));
}

/** The same, as kubectl writes it. */
export async function kustomizeText(directory: string): Promise<string> {
  const path = directory.startsWith('/') ? directory : join(K8S, directory);
  const { stdout } = await promisify(execFile)('kubectl', ['kustomize', path], { maxBuffer: 16 * 2 ** 20 });
  return stdout;
}

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => Manifest.parse(document.toJS()));
}

/** The one object of a kind and name. @throws Error when there is none, or several */
export function only(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} of ${kind} ${name}`);
  return found[0];
}
