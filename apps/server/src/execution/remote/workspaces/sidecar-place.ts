import type { V1Pod } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';
import type { Cluster, Route } from '../kubernetes/cluster.ts';
import type { SidecarAddress, SidecarLocator } from '../sidecar-connection.ts';
import { knownWorkspace } from './find-workspace.ts';
import { diagnosePod } from './pod-diagnosis.ts';
import { tokenOf } from './secret-token.ts';
import { mayAnswer, sidecarAnswers } from './sidecar-answers.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';
import { stateOf, type Workspace } from './workspace-state.ts';

/** Milliseconds that a call waits for a container that starts again. */
const RESTART_PATIENCE_MS = 30_000;

interface Place {
  address: SidecarAddress;
  route: Route;
  podUid: string;
  gone: AbortController;
}

/**
 * Knows where a task's sidecar is. What was found is kept as long as its pod lives; each further question looks at the pod, the
 * Service and the Secret again.
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
    const pod = await this.#readyPod(workspace, signal);
    const { api } = this.#cluster;
    const [secret, service] = await Promise.all([
      api.secrets.get(workspace.name, { signal }),
      api.services.get(workspace.name, { signal }),
    ]);
    const token = tokenOf(secret);
    if (token === undefined) {
      throw new ShadowError('UNAVAILABLE', `The Secret ${workspace.name} with the token of the pod is gone.`);
    }
    const target = {
      workspace: workspace.name,
      podName: workspace.name,
      podIP: pod.status?.podIP,
      clusterIP: service?.spec?.clusterIP,
      port: this.#settings.port,
    };
    return this.#enter(pod, token, this.#cluster.reach(target));
  }

  close(): void {
    this.#stopListening();
    this.#leave();
  }

  #enter({ metadata, status }: V1Pod, token: string, route: Route): SidecarAddress {
    const known = this.#place;
    const podUid = metadata?.uid ?? '';
    // A container that was started again is another sidecar: the breaker of the one that died is not its own.
    const identity = `${podUid} ${status?.containerStatuses?.[0]?.containerID}`;
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

  /** The pod, once its sidecar answers; a container that starts again gets some time. */
  async #readyPod(workspace: Workspace, signal: AbortSignal | undefined): Promise<V1Pod> {
    const patience = AbortSignal.timeout(RESTART_PATIENCE_MS);
    const either = signal === undefined ? patience : AbortSignal.any([signal, patience]);
    const isReady = (pod: V1Pod | undefined): pod is V1Pod =>
      pod !== undefined && diagnosePod(pod, []).state === 'ready';
    const wait = (isEnough: (pod: V1Pod) => boolean): Promise<V1Pod> => {
      const judge = (pod: V1Pod | undefined): V1Pod | undefined => {
        this.#refuseEnded(workspace, pod);
        return isReady(pod) || (pod !== undefined && isEnough(pod)) ? pod : undefined;
      };
      return this.#cluster.pods.waitFor(workspace.name, judge, { signal: either });
    };
    try {
      // Before the start of a pod was waited for, nobody asks here.
      const pod = await wait((found) => mayAnswer(this.#cluster, found, true));
      return isReady(pod) ? pod : await this.#answering(pod, either, wait);
    } catch (error) {
      if (!patience.aborted || signal?.aborted === true) throw error;
      const pod = this.#cluster.pods.get(workspace.name);
      const diagnosis = pod === undefined ? undefined : diagnosePod(pod, []);
      const words = diagnosis !== undefined && 'message' in diagnosis ? ` ${diagnosis.message}` : '';
      throw new ShadowError('UNAVAILABLE', `The pod ${workspace.name} is not ready.${words}`);
    }
  }

  /** A pod that the kubelet has not yet called ready, as soon as either the kubelet does or its sidecar answers. */
  async #answering(
    pod: V1Pod,
    signal: AbortSignal,
    wait: (isEnough: (pod: V1Pod) => boolean) => Promise<V1Pod>,
  ): Promise<V1Pod> {
    const ending = new AbortController();
    const asking = AbortSignal.any([signal, ending.signal]);
    const ready = wait(() => false);
    const answered = sidecarAnswers(this.#cluster, this.#settings, pod, asking).then(() => {
      const now = this.#cluster.pods.get(pod.metadata?.name ?? '');
      return now?.metadata?.uid === pod.metadata?.uid && now !== undefined ? now : ready;
    });
    try {
      // What goes wrong with the pod is told by the wait alone.
      return await Promise.race([ready, answered.catch(() => ready)]);
    } finally {
      ready.catch(() => undefined);
      ending.abort();
    }
  }

  /** @throws ShadowError when the pod never comes back */
  #refuseEnded(workspace: Workspace, pod: V1Pod | undefined): void {
    // Before the repository is there, a missing pod is only one that is not seen yet.
    if (workspace.podUid === undefined) return;
    const { status, message } = stateOf(this.#settings, workspace, pod);
    if (status === 'lost') throw new ShadowError('WORKSPACE_LOST', message ?? '');
    // A pod that runs for the volume again is waited for, as it is while the steps bring a workspace back.
    const isBack = pod !== undefined && mayAnswer(this.#cluster, pod, true);
    if (status === 'suspended' && !isBack) throw suspended(message);
  }
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
