/** A rule of a Role, as RBAC has it. */
export interface PolicyRule {
  apiGroups: readonly string[];
  resources: readonly string[];
  verbs: readonly string[];
}

/** What the server does in its namespace, and nothing besides: its Role lists exactly this. */
export const requiredRules: readonly PolicyRule[] = [
  // Anchors and pods: made, labelled, watched, removed.
  {
    apiGroups: [''],
    resources: ['configmaps', 'pods'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
  // A token is rotated when a warm pod is claimed. Never listed: other Secrets of the namespace are nobody's business.
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['services', 'persistentvolumeclaims'], verbs: ['get', 'create', 'delete'] },
  // `get` is how a websocket asks; from Kubernetes 1.35 on `create` is asked for as well.
  { apiGroups: [''], resources: ['pods/portforward'], verbs: ['get', 'create'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch'] },
  // For "shadow doctor".
  { apiGroups: [''], resources: ['resourcequotas'], verbs: ['list'] },
];
