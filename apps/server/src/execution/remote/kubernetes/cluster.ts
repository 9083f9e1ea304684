import type { Agent } from 'node:http';
import type {
  KubernetesObject,
  V1ConfigMap,
  V1PersistentVolumeClaim,
  V1Pod,
  V1ResourceQuota,
  V1Secret,
  V1Service,
  V1StorageClass,
} from '@kubernetes/client-node';

/** The Kubernetes cluster that remote mode works in, as one identity in one namespace. */
export interface Cluster {
  /** Address of the API server. */
  readonly server: string;
  /** Who the server is there, in words for messages: never a secret. */
  readonly identity: string;
  /** Namespace of every object of remote mode. */
  readonly namespace: string;
  /** Version of the API server, such as `v1.33.1`. */
  readonly version: string;
  /** Calls of the API, within the namespace. A failure is a KubernetesError, or ShadowError CANCELLED by the caller's signal. */
  readonly api: ClusterApi;
  /** The pods of this instance's workspaces, kept up to date by one watch. */
  readonly pods: ObjectWatch<V1Pod>;
  /** The anchors of this instance's workspaces, kept up to date by one watch. */
  readonly anchors: ObjectWatch<V1ConfigMap>;
  /**
   * What the cluster says about one pod: first what it has said so far, then as it comes. Ends with the signal.
   * Kubernetes repeats an event by counting it up, which comes as the event again with a higher `count`.
   *
   * @param uid of the pod; a later pod of the same name has another
   */
  podEvents(uid: string, options: { signal: AbortSignal }): AsyncIterable<PodEvent>;
  /** Way to a port of a pod, chosen by REMOTE_REACH. Opens nothing yet. @throws KubernetesError when there is none */
  reach(target: ReachTarget): Route;
  /** Ends watches and lets go of all connections, routes included. */
  close(): Promise<void>;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** Calls that remote mode makes of the API, and no others: `requiredRules` is the Role that allows exactly these. */
export interface ClusterApi {
  readonly configMaps: NamespacedResource<V1ConfigMap>;
  readonly secrets: NamespacedResource<V1Secret>;
  readonly services: NamespacedResource<V1Service>;
  readonly pods: NamespacedResource<V1Pod>;
  readonly persistentVolumeClaims: NamespacedResource<V1PersistentVolumeClaim>;
  /** For `shadow doctor` alone: undefined when there is none of that name. */
  storageClass(name: string, options?: CallOptions): Promise<V1StorageClass | undefined>;
  /** For `shadow doctor` alone: the default one where a claim names none. */
  storageClasses(options?: CallOptions): Promise<V1StorageClass[]>;
  /** For `shadow doctor` alone: quotas of the namespace with what is used of them. */
  resourceQuotas(options?: CallOptions): Promise<V1ResourceQuota[]>;
  /** Whether this identity may do that, by a SelfSubjectAccessReview, which everyone may ask. */
  mayI(action: AccessQuestion, options?: CallOptions): Promise<boolean>;
}

export interface AccessQuestion {
  verb: string;
  /** API group; empty for the core one. */
  group: string;
  /** Such as `pods`, or `pods/portforward`. */
  resource: string;
  /** Asks about the whole cluster in place of the namespace. */
  isClusterWide?: boolean;
}

export interface ListQuery {
  /** Such as `shadow.dev/task=ID`; all when there is none. */
  labelSelector?: string;
}

export interface DeleteOptions extends CallOptions {
  /** Only if it is still this very object; another of that name is left alone and counts as gone. */
  uid?: string;
  /** Only if nobody changed it since; a change is a KubernetesError of reason Conflict. */
  resourceVersion?: string;
  /** Seconds that a pod's processes have to end; 0 removes the pod at once. Default the pod's own. */
  graceSeconds?: number;
  /** `Foreground`: the object stays until everything it owns is gone. Default `Background`. */
  propagation?: 'Background' | 'Foreground';
}

/**
 * A JSON merge patch (RFC 7386): null removes a key. With `metadata.resourceVersion` it is applied only if nobody changed
 * the object since, and is a KubernetesError of reason Conflict otherwise.
 */
export interface MergePatch {
  metadata?: {
    resourceVersion?: string;
    labels?: Record<string, string | null>;
    annotations?: Record<string, string | null>;
  };
  [field: string]: unknown;
}

/**
 * Objects of one kind in the namespace. Reads, `ensure`, `delete` and patches without a resourceVersion are repeated with
 * growing pauses while the API server does not answer; other writes only if they certainly never arrived. What a write
 * answers is in the watch of its kind at once.
 */
export interface NamespacedResource<T extends KubernetesObject> {
  /** Undefined when there is none of that name. */
  get(name: string, options?: CallOptions): Promise<T | undefined>;
  /** All that match, read page by page. */
  list(query?: ListQuery, options?: CallOptions): Promise<T[]>;
  /** @throws KubernetesError of reason AlreadyExists when there is one of that name */
  create(
    object: T,
    options?: CallOptions & { /** Only asks whether it would be created. */ dryRun?: boolean },
  ): Promise<T>;
  /**
   * Creates it unless there is one of that name, which is given back as it is: check whose it is.
   * `created` is false, too, when the answer to the first try was lost.
   */
  ensure(object: T, options?: CallOptions): Promise<{ object: T; created: boolean }>;
  /** @throws KubernetesError of reason NotFound, or Conflict */
  patch(name: string, patch: MergePatch, options?: CallOptions): Promise<T>;
  /** @returns whether there was one; it may take its time to go */
  delete(name: string, options?: DeleteOptions): Promise<boolean>;
}

export interface ObjectChange<T> {
  type: 'added' | 'changed' | 'removed';
  /** As it is now; what was last known of it when it is gone. */
  object: T;
}

/**
 * A copy of the cluster's objects of one kind, kept by one watch for all who ask; never polls. While the API server is away
 * it holds what was last known, and catches up when it is back.
 */
export interface ObjectWatch<T extends KubernetesObject> {
  /** Whether the copy is fed right now; false while the API server is away. */
  readonly isLive: boolean;
  /** Resolves when the copy is complete for the first time. @throws ShadowError CANCELLED by the signal */
  synced(signal?: AbortSignal): Promise<void>;
  get(name: string): T | undefined;
  list(): T[];
  /**
   * Waits until the object of that name is as wanted. Judged at once and after each of its changes.
   *
   * @param judge given the object, undefined while there is none (also when it is not seen yet); what it returns, unless
   *   undefined, is the outcome; what it throws ends the waiting
   * @throws ShadowError CANCELLED when the signal aborts, UNAVAILABLE when the cluster is closed
   */
  waitFor<R>(
    name: string,
    judge: (object: T | undefined) => R | undefined,
    options: { signal: AbortSignal },
  ): Promise<R>;
  /** Calls back after every change, in order; not for what is there already. @returns ends it */
  onChange(listener: (change: ObjectChange<T>) => void): () => void;
}

/** What a part of the cluster says about a pod. */
export interface PodEvent {
  type: 'Normal' | 'Warning';
  /** One word, such as `FailedScheduling` or `BackOff`. */
  reason: string;
  /** In the words of who says it. */
  message: string;
  /** Who says it: `default-scheduler`, `kubelet` … */
  source: string;
  /** How often it was said. */
  count: number;
  lastSeen: Date | undefined;
}

export interface ReachTarget {
  /** Name of the workspace (of its anchor), for messages. */
  workspace: string;
  podName: string;
  /** Which pod of that name: its own address is used for as long as its Service may not know it. */
  podUid?: string | undefined;
  /** Address of the workspace's Service; absent to speak to the pod alone. */
  clusterIP?: string | undefined;
  /** Port of the container and of the Service. */
  port: number;
}

/** A way to a workspace's sidecar. */
export interface Route {
  readonly kind: 'service' | 'port-forward';
  /** Such as `http://10.0.0.7:8080`. */
  readonly baseUrl: string;
  /** Through which to connect. */
  readonly agent: Agent;
  /** Cuts what is under way and lets go of connections. */
  close(): void;
}
