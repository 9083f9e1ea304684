import { loadYaml } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import * as z from 'zod';
import type { Manifest } from './kustomize.ts';

/**
 * What is wrong with an object by the OpenAPI schema of its kind: of current Kubernetes, or of the Prometheus operator's
 * resource definitions. Both are those that kubernetes-models was made from.
 */
export async function problemsOf(manifest: Manifest): Promise<string[]> {
  return [...(await invalidFields(manifest)), ...unknownFields(manifest)];
}

const MODELS: Record<string, () => Promise<Record<string, unknown>>> = {
  v1: () => import('kubernetes-models/v1'),
  'apps/v1': () => import('kubernetes-models/apps/v1'),
  'networking.k8s.io/v1': () => import('kubernetes-models/networking.k8s.io/v1'),
  'policy/v1': () => import('kubernetes-models/policy/v1'),
  'rbac.authorization.k8s.io/v1': () => import('kubernetes-models/rbac.authorization.k8s.io/v1'),
  'scheduling.k8s.io/v1': () => import('kubernetes-models/scheduling.k8s.io/v1'),
  'storage.k8s.io/v1': () => import('kubernetes-models/storage.k8s.io/v1'),
  'monitoring.coreos.com/v1': () => import('@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'),
};

async function invalidFields(manifest: Manifest): Promise<string[]> {
  const { apiVersion, kind } = manifest;
  const models = await MODELS[apiVersion]?.();
  if (models === undefined) return [`${apiVersion} is not known`];
  const Model = models[kind];
  if (typeof Model !== 'function') return [`${apiVersion} has no ${kind}`];
  const { validate } = Validated.parse(Reflect.construct(Model, [manifest]));
  try {
    validate();
    return [];
  } catch (error) {
    return [String(error)];
  }
}

/** A model of kubernetes-models; the method needs its object. */
const Validated = z
  .custom<{ validate(): void }>((value) => typeof value === 'object' && value !== null && 'validate' in value)
  .transform((model) => ({ validate: () => model.validate() }));

/** Kubernetes' own types know every field of its kinds; what they do not take over is misspelt. */
function unknownFields(manifest: Manifest): string[] {
  const known: unknown = loadYaml(stringify(manifest));
  return missing(manifest, known, `${manifest.kind} ${manifest.metadata.name}`);
}

function missing(value: unknown, known: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (typeof known !== 'object' || known === null) return [`${path} is not known`];
  return Object.entries(value).flatMap(([key, child]) => {
    const counterpart: unknown = Reflect.get(known, key) ?? Reflect.get(known, renamed(key));
    return counterpart === undefined
      ? [`${path}.${key} is not known`]
      : missing(child, counterpart, `${path}.${key}`);
  });
}

/** The client's names of fields that are words of JavaScript. */
function renamed(key: string): string {
  return `_${key}`;
}
