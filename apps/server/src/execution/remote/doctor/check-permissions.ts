import type { AccessQuestion } from '../kubernetes/cluster.ts';
import { requiredRules } from '../kubernetes/required-rules.ts';
import type { ClusterCheck } from './check.ts';
import type { DoctorParts } from './parts.ts';

/** Asks for each permission of the server's Role by itself. */
export async function checkPermissions({ api, access, config }: DoctorParts): Promise<ClusterCheck> {
  const { namespace } = config.cluster;
  const asked = await Promise.all(
    questions().map(async (question) => ({ question, isAllowed: await api.mayI(question) })),
  );
  const refused = asked.filter(({ isAllowed }) => !isAllowed).map(({ question }) => question);
  if (refused.length === 0) {
    return {
      level: 'ok',
      text: `permissions: all ${asked.length} that the server needs in namespace ${namespace}`,
    };
  }
  const lacking = refused.map(({ verb, resource }) => `${verb} ${resource}`).join(', ');
  return {
    level: 'missing',
    text: `permissions: ${access.identity} may not ${lacking} in namespace ${namespace}`,
    mend: 'Bind the Role shadow-server of k8s/base/rbac.yaml to it in that namespace, or check KUBERNETES_NAMESPACE.',
  };
}

function questions(): AccessQuestion[] {
  return requiredRules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
    ),
  );
}
