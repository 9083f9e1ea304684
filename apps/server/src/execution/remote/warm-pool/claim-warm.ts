import type { V1Pod, V1Secret, V1Service } from '@kubernetes/client-node';
import { unwrap } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { Cluster, Route } from '../kubernetes/cluster.ts';
import { KubernetesError } from '../kubernetes/kubernetes-error.ts';
import { claimWorkspace } from '../workspace-calls.ts';
import { LABEL } from '../workspaces/labels.ts';
import { diagnosePod } from '../workspaces/pod-diagnosis.ts';
import { TOKEN_KEY, tokenIn } from '../workspaces/secret-token.ts';
import { newToken } from '../workspaces/token.ts';

/** Key of a Secret that holds the token which opened the sidecar before its claim. */
const PREVIOUS_KEY = 'previous';

/** Milliseconds that a taken pod may need to be ready again. */
const READY_PATIENCE_MS = 60_000;

export interface ClaimParts {
  cluster: Cluster;
  /** Port of the sidecars. */
  port: number;
  log: Logger;
}

/** A warm anchor as it was seen. */
export interface Candidate {
  name: string;
  resourceVersion: string;
}

/**
 * Makes a workspace a task's own in the cluster's eyes: one write, which fails when anybody was first.
 * @returns false when somebody was
 */
export async function takeAnchor(
  { cluster }: ClaimParts,
  { name, resourceVersion }: Candidate,
  taskId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const labels = { [LABEL.state]: 'claimed', [LABEL.task]: taskId };
  try {
    await cluster.api.configMaps.patch(name, { metadata: { resourceVersion, labels } }, { signal });
    return true;
  } catch (error) {
    if (error instanceof KubernetesError && (error.reason === 'Conflict' || error.reason === 'NotFound'))
      return false;
    throw error;
  }
}

/** What a claim reads of a workspace. */
export interface ClaimReads {
  secret: Promise<V1Secret | undefined>;
  service: Promise<V1Service | undefined>;
}

/** Begins to read what a claim will need. A Secret that is changed meanwhile refuses the claim's write. */
export function readForClaim({ cluster }: ClaimParts, name: string, signal: AbortSignal): ClaimReads {
  const secret = cluster.api.secrets.get(name, { signal });
  const service = cluster.api.services.get(name, { signal });
  // Another workspace may be taken in the end, and nobody looks at these.
  for (const read of [secret, service]) read.catch(() => undefined);
  return { secret, service };
}

/**
 * Gives a taken workspace a token that nobody else ever had: first to its Secret, which remembers the old one, then to its
 * sidecar, and last its pod says whose it is. Converges from wherever an earlier try ended; one that was finished costs no write.
 * @returns the last write, which nothing needs to wait for; it never rejects
 * @throws ShadowError UNAVAILABLE when the sidecar does not answer
 */
export async function finishClaim(
  parts: ClaimParts,
  reads: ClaimReads,
  name: string,
  taskId: string,
  signal: AbortSignal,
): Promise<{ marked: Promise<void> }> {
  const done = { marked: Promise.resolve() };
  const secret = await reads.secret;
  const known = parts.cluster.pods.get(name);
  // Written last, so all is done; and without Secret or pod whoever makes them anew gives the pod the Secret's token.
  if (secret === undefined || known === undefined || isMarked(known.metadata?.labels, taskId)) return done;
  const tokens = await rotate(parts, secret, signal);
  const pod = await readyPod(parts, name, signal);
  if (pod === undefined) return done;
  const service = await reads.service;
  const route = parts.cluster.reach({
    workspace: name,
    podName: name,
    podUid: pod.metadata?.uid,
    clusterIP: service?.spec?.clusterIP,
    port: parts.port,
  });
  await claimOver(parts, route, tokens, signal);
  return { marked: markPod(parts, name, taskId) };
}

function isMarked(labels: Record<string, string> | undefined, taskId: string): boolean {
  return labels?.[LABEL.state] === 'claimed' && labels[LABEL.task] === taskId;
}

/**
 * A pod was ready when it was taken, but a crash of the claim may be long ago. One that does not come back makes way for another,
 * which begins with the new token: no task has worked in it yet.
 * @returns undefined when there is none to claim
 */
async function readyPod(
  { cluster, log }: ClaimParts,
  name: string,
  signal: AbortSignal,
): Promise<V1Pod | undefined> {
  const patience = AbortSignal.timeout(READY_PATIENCE_MS);
  const either = AbortSignal.any([signal, patience]);
  const judge = (pod: V1Pod | undefined) => {
    const state = pod === undefined ? 'going' : diagnosePod(pod, []).state;
    if (state === 'going' || state === 'failed') return { state };
    return state === 'ready' && pod !== undefined ? { state, pod } : undefined;
  };
  const found = await cluster.pods.waitFor(name, judge, { signal: either }).catch((error: unknown) => {
    if (signal.aborted || !patience.aborted) throw error;
    return { state: 'failed' as const };
  });
  if ('pod' in found) return found.pod;
  if (found.state === 'failed') {
    log.warn({ pod: name }, 'a pod of the warm pool does not come back; making another one');
    const uid = cluster.pods.get(name)?.metadata?.uid;
    await cluster.api.pods.delete(name, { signal, ...(uid === undefined ? {} : { uid }) });
  }
  return undefined;
}

interface Tokens {
  token: string;
  previousToken: string;
}

/** @returns the tokens of an earlier try where there was one */
async function rotate({ cluster }: ClaimParts, secret: V1Secret, signal: AbortSignal): Promise<Tokens> {
  const { name = '', resourceVersion = '' } = secret.metadata ?? {};
  const current = tokenIn(secret);
  const previous = secret.data?.[PREVIOUS_KEY];
  if (previous !== undefined) return { token: current, previousToken: decode(previous) };
  const token = newToken();
  const data = { [TOKEN_KEY]: encode(token), [PREVIOUS_KEY]: encode(current) };
  // Only if nobody rotated it meanwhile: two tries with tokens of their own would lock each other out.
  await cluster.api.secrets.patch(name, { metadata: { resourceVersion }, data }, { signal });
  return { token, previousToken: current };
}

async function claimOver(
  { log }: ClaimParts,
  route: Route,
  tokens: Tokens,
  signal: AbortSignal,
): Promise<void> {
  const { baseUrl, agent } = route;
  try {
    unwrap(await claimWorkspace({ baseUrl, agent, log }, tokens, signal));
  } finally {
    route.close();
  }
}

/** A copy for people of what the anchor says, and the sign that the claim is finished. Without it a claim is finished once more. */
async function markPod({ cluster, log }: ClaimParts, name: string, taskId: string): Promise<void> {
  const labels = { [LABEL.state]: 'claimed', [LABEL.task]: taskId };
  try {
    await cluster.api.pods.patch(name, { metadata: { labels } });
  } catch (error) {
    // A pod that went away is made again by the next step.
    const isGone = error instanceof KubernetesError && error.reason === 'NotFound';
    if (!isGone) log.warn({ err: error, pod: name }, 'could not label a claimed pod with its task');
  }
}

const encode = (text: string): string => Buffer.from(text).toString('base64');
const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');
