/** Why a pod does not come up. */
export type PodTrouble =
  | 'image'
  | 'unschedulable'
  | 'volume'
  | 'configuration'
  | 'probe'
  | 'crash'
  | 'out-of-memory'
  | 'evicted'
  | 'ended';

/** Advice for a trouble, the first whose word the cluster used; the last holds for all others. */
type Advice = readonly (readonly [word: string, advice: string])[];

const IMAGE: Advice = [
  [
    'ErrImageNeverPull',
    'REMOTE_IMAGE_PULL_POLICY is Never: load the image onto the nodes, or use IfNotPresent.',
  ],
  ['InvalidImageName', 'Correct SIDECAR_IMAGE.'],
  ['unauthorized', 'Give the registry’s credentials by REMOTE_IMAGE_PULL_SECRET.'],
  ['denied', 'Give the registry’s credentials by REMOTE_IMAGE_PULL_SECRET.'],
  ['403', 'Give the registry’s credentials by REMOTE_IMAGE_PULL_SECRET.'],
  ['not found', 'Check SIDECAR_IMAGE: there is no such image or tag.'],
  ['', 'Check SIDECAR_IMAGE, and that the nodes reach its registry.'],
];

const UNSCHEDULABLE: Advice = [
  [
    'PersistentVolumeClaim',
    'Check REMOTE_STORAGE_CLASS, and that it can provide volumes (kubectl get pvc,storageclass).',
  ],
  [
    'persistentvolumeclaim',
    'Check REMOTE_BUILD_CACHE_CLAIM: the claim must be in the namespace of the pods.',
  ],
  ['volume node affinity', 'The volume is bound to a zone or node that has no room; add a node there.'],
  ['taint', 'Add a node without that taint for Shadow’s pods.'],
  ['Insufficient', 'Lower REMOTE_CPU_REQUEST or REMOTE_MEMORY_REQUEST, end other tasks, or add a node.'],
  ['Too many pods', 'End other tasks or add a node.'],
  ['', 'Make room on a node or add one.'],
];

const VOLUME: Advice = [
  [
    'Multi-Attach',
    'The volume is still attached to the node of an earlier pod; the cluster frees it within minutes. Try again then.',
  ],
  ['not found', 'Something that the pod mounts is missing; try again to have it made anew.'],
  ['', 'Check the storage class’s driver on that node (kubectl describe pod).'],
];

const ADVICE: Readonly<Record<PodTrouble, Advice>> = {
  image: IMAGE,
  unschedulable: UNSCHEDULABLE,
  volume: VOLUME,
  configuration: [
    ['runAsNonRoot', 'SIDECAR_IMAGE must run as an ordinary user (1000).'],
    ['executable file not found', 'SIDECAR_IMAGE is not an image of the sidecar.'],
    ['no such file or directory', 'SIDECAR_IMAGE is not an image of the sidecar.'],
    ['', 'Check SIDECAR_IMAGE and the settings of the pod (REMOTE_…).'],
  ],
  probe: [
    [
      '',
      'Check that SIDECAR_IMAGE is the sidecar of this version and answers at SIDECAR_PORT and SIDECAR_HEALTH_PATH; on a busy node raise REMOTE_START_TIMEOUT_MS.',
    ],
  ],
  crash: [
    [
      '',
      'Check that SIDECAR_IMAGE is the sidecar of this version; kubectl logs --previous has the whole log.',
    ],
  ],
  'out-of-memory': [['', 'Raise REMOTE_MEMORY_LIMIT, or the task’s own memory.']],
  evicted: [
    [
      '',
      'Its node ran short of what it names. Raise REMOTE_MEMORY_REQUEST or REMOTE_STORAGE_SIZE, or use a larger node.',
    ],
  ],
  ended: [['', 'Try again to have a new pod; if that ends too, look at its node (kubectl describe node).']],
};

/**
 * What to do about a pod that does not come up. Kubernetes has no codes below its reasons: its words choose among hints
 * for people, and nothing else depends on them.
 * @param words of the scheduler, the kubelet or the container runtime
 */
export function adviceOf(trouble: PodTrouble, words: string): string {
  return ADVICE[trouble].find(([word]) => words.includes(word))?.[1] ?? '';
}
