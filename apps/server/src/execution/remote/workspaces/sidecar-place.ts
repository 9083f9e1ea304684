import type { V1Pod } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';
import type { Cluster, Route } from '../kubernetes/cluster.ts';
import type { SidecarAddress, SidecarLocator } from '../sidecar-connection.ts';
import { knownWorkspace } from './find-workspace.ts';
import { diagnosePod } from './pod-diagnosis.ts';
import { tokenOf } from './secret-token.ts';
import { hasJustStarted, mayAnswer, runOf, sidecarAnswers } from './sidecar-answers.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';
import { stateOf, type Workspace } from './workspace-state.ts';

/** In the details of an error: what is missing is the Secret. */
export const MISSING_SECRET = 'secret';
/** Milliseconds that a call waits for a container that starts again. */
const RESTART_PATIENCE_MS = 30_000;
/** Milliseconds that an API server has to say where a sidecar is that was known before. */
const KNOWN_PATIENCE_MS = 2000;

interface Place {
  address: SidecarAddress;
  route: Route;
  podUid: string;
  gone: AbortController;
}

/** What opens a workspace's sidecar, and the address of its Service where that has one. */
interface Opening {
  token: string;
  clusterIP: string | undefined;
}

/**
 * Knows where a task's sidecar is. What was found is kept as long as its pod lives; each further question looks at the pod, the
 * Service and the Secret again, and gives what was found before where the API server that has them is away.
 */
export class SidecarPlace implements SidecarLocator {
  readonly #cluster: Cluster;
  readonly #settings: WorkspaceSettings;
  readonly #taskId: string;
  readonly #stopListening: () => void;
  #place: Place | undefined;

  constructor(cluster: Cluster, settings: WorkspaceSettings, taskId: string) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#taskId = taskId;
    this.#stopListening = cluster.pods.onChange(({ type, object }) => {
      if (object.metadata?.uid !== this.#place?.podUid) return;
      const { state } = diagnosePod(object, []);
      const hasEnded = object.status?.phase === 'Failed' || object.status?.phase === 'Succeeded';
      if (type === 'removed' || state === 'going' || hasEnded) this.#leave();
    });
  }

  /** @throws ShadowError WORKSPACE_LOST, WORKSPACE_NOT_READY, UNAVAILABLE */
  async locate(signal: AbortSignal | undefined): Promise<SidecarAddress> {
    const workspace = await knownWorkspace(this.#cluster, this.#taskId);
    if (workspace === undefined) throw noWorkspace();
    const patience = AbortSignal.timeout(RESTART_PATIENCE_MS);
    const either = signal === undefined ? patience : AbortSignal.any([signal, patience]);
    try {
      return await this.#find(workspace, either);
    } catch (error) {
      if (!patience.aborted || signal?.aborted === true) throw error;
      throw this.#notReady(workspace);
    }
  }

  close(): void {
    this.#stopListening();
    this.#leave();
  }

  #enter(pod: V1Pod, token: string, route: Route): SidecarAddress {
    const known = this.#place;
    const podUid = pod.metadata?.uid ?? '';
    // A container that was started again is another sidecar: the breaker of the one that died is not its own.
    const identity = runOf(pod);
    const { address } = known ?? {};
    const isSame =
      address?.identity === identity && address.token === token && known?.route.baseUrl === route.baseUrl;
    // A port-forward that failed is made anew, whatever its address.
    if (isSame && route.kind === 'service') {
      route.close();
      return address;
    }
    this.#leave();
    const gone = new AbortController();
    const entered = { baseUrl: route.baseUrl, token, agent: route.agent, identity, gone: gone.signal };
    this.#place = { address: entered, route, podUid, gone };
    return entered;
  }

  #leave(): void {
    const left = this.#place;
    this.#place = undefined;
    left?.gone.abort();
    left?.route.close();
  }

  /** The sidecar once it answers; a container that starts again gets some time. */
  async #find(workspace: Workspace, signal: AbortSignal): Promise<SidecarAddress> {
    // Before the start of a pod was waited for, nobody asks here.
    const pod = await this.#wait(workspace, (found) => mayAnswer(found, true), signal);
    const known = this.#knownOf(pod);
    const patience = AbortSignal.timeout(KNOWN_PATIENCE_MS);
    const reading = known === undefined ? signal : AbortSignal.any([signal, patience]);
    let opening: Opening;
    try {
      opening = await this.#read(workspace, reading);
    } catch (error) {
      if (known === undefined || signal.aborted || !patience.aborted) throw error;
      return known;
    }
    const { name } = workspace;
    const podUid = pod.metadata?.uid;
    const { clusterIP, token } = opening;
    const { port } = this.#settings;
    const route = this.#cluster.reach({ workspace: name, podName: name, podUid, clusterIP, port });
    try {
      const answering = isReady(pod) ? pod : await this.#answering(workspace, route, pod, signal);
      if (answering !== undefined) return this.#enter(answering, token, route);
    } catch (error) {
      route.close();
      throw error;
    }
    route.close();
    return await this.#find(workspace, signal);
  }

  /** What was found of this run of a pod and leads there without the API server. */
  #knownOf(pod: V1Pod): SidecarAddress | undefined {
    const { address, route } = this.#place ?? {};
    return address?.identity === runOf(pod) && route?.kind === 'service' ? address : undefined;
  }

  /** Asks the API server. @throws ShadowError UNAVAILABLE when the Secret is gone */
  async #read({ name }: Workspace, signal: AbortSignal): Promise<Opening> {
    const { api } = this.#cluster;
    const [secret, service] = await Promise.all([
      api.secrets.get(name, { signal }),
      api.services.get(name, { signal }),
    ]);
    const token = tokenOf(secret);
    if (token !== undefined) return { token, clusterIP: service?.spec?.clusterIP };
    throw new ShadowError(
      'UNAVAILABLE',
      `The Secret ${name} with the token of the pod is gone. A new pod gets another one.`,
      { details: { missing: MISSING_SECRET } },
    );
  }

  /** @returns the pod of a workspace as soon as it is ready, or enough */
  #wait(workspace: Workspace, isEnough: (pod: V1Pod) => boolean, signal: AbortSignal): Promise<V1Pod> {
    const judge = (pod: V1Pod | undefined): V1Pod | undefined => {
      this.#refuseEnded(workspace, pod);
      return pod !== undefined && (isReady(pod) || isEnough(pod)) ? pod : undefined;
    };
    return this.#cluster.pods.waitFor(workspace.name, judge, { signal });
  }

  /**
   * A pod that the kubelet has not yet called ready, as soon as either the kubelet does or its sidecar answers.
   * @returns undefined when it has made way for another
   */
  async #answering(
    workspace: Workspace,
    route: Route,
    pod: V1Pod,
    signal: AbortSignal,
  ): Promise<V1Pod | undefined> {
    const ending = new AbortController();
    const asking = AbortSignal.any([signal, ending.signal]);
    const ready = this.#wait(workspace, () => false, asking);
    const { healthPath } = this.#settings;
    const answered = sidecarAnswers(route, { healthPath, isNew: hasJustStarted(pod) }, asking);
    try {
      // What goes wrong with the pod is told by the wait alone.
      await Promise.race([ready, answered.catch(() => ready)]);
      const now = this.#cluster.pods.get(workspace.name);
      return now?.metadata?.uid === pod.metadata?.uid ? now : undefined;
    } finally {
      ready.catch(() => undefined);
      ending.abort();
    }
  }

  #notReady(workspace: Workspace): ShadowError {
    const pod = this.#cluster.pods.get(workspace.name);
    const diagnosis = pod === undefined ? undefined : diagnosePod(pod, []);
    const words = diagnosis !== undefined && 'message' in diagnosis ? ` ${diagnosis.message}` : '';
    return new ShadowError('UNAVAILABLE', `The pod ${workspace.name} is not ready.${words}`);
  }

  /** @throws ShadowError when the pod never comes back */
  #refuseEnded(workspace: Workspace, pod: V1Pod | undefined): void {
    // Before the repository is there, a missing pod is only one that is not seen yet.
    if (workspace.podUid === undefined) return;
    const { status, message } = stateOf(this.#settings, workspace, pod);
    if (status === 'lost') throw new ShadowError('WORKSPACE_LOST', message ?? '');
    // A pod that runs for the volume again is waited for, as it is while the steps bring a workspace back.
    const isBack = pod !== undefined && mayAnswer(pod, true);
    if (status === 'suspended' && !isBack) throw suspended(message);
  }
}

function isReady(pod: V1Pod): boolean {
  return diagnosePod(pod, []).state === 'ready';
}

/** @returns the error of a task that has no workspace */
export function noWorkspace(): ShadowError {
  return new ShadowError('WORKSPACE_LOST', 'The workspace of this task is not in the cluster any more.');
}

/** @returns the error of a workspace that must be brought back first */
export function suspended(message: string | undefined): ShadowError {
  return new ShadowError(
    'WORKSPACE_NOT_READY',
    `${message ?? 'The workspace is suspended.'} The next message brings it back.`,
  );
}
