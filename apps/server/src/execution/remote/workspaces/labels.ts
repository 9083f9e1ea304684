/** Names by which everything of a workspace is found in the cluster; the anchor's own labels are the truth. */
export const LABEL = {
  name: 'app.kubernetes.io/name',
  managedBy: 'app.kubernetes.io/managed-by',
  instance: 'app.kubernetes.io/instance',
  /** Name of the anchor that an object belongs to. */
  workspace: 'shadow.dev/workspace',
  state: 'shadow.dev/state',
  /** Id of the task that a claimed workspace belongs to. */
  task: 'shadow.dev/task',
  /** On pods: which network policy holds. */
  egress: 'shadow.dev/egress',
} as const;

export const ANNOTATION = {
  /** On the anchor: uid of the pod that was given the repository. Another pod does not hold what an emptyDir held. */
  podUid: 'shadow.dev/pod-uid',
} as const;

/** A label's value, as Kubernetes takes it. */
const VALUE = /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;

/** @returns labels that every object of this server's workspaces carries */
export function instanceLabels(instance: string): Record<string, string> {
  return {
    [LABEL.name]: 'shadow-workspace',
    [LABEL.managedBy]: 'shadow',
    [LABEL.instance]: instance,
  };
}

/** @returns a selector of what belongs to a task; nothing for an id that no task can have */
export function taskSelector(instance: string, taskId: string): string {
  return selector({ ...instanceLabels(instance), [LABEL.task]: VALUE.test(taskId) ? taskId : 'none' });
}

/** @returns a selector of the objects with these labels */
export function selector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
