import type { RemoteConfig } from '../../../config/remote-config.ts';
import type { ClusterApi } from '../kubernetes/cluster.ts';
import type { ClusterAccess } from '../kubernetes/cluster-access.ts';

/** What a check looks with. */
export interface DoctorParts {
  api: ClusterApi;
  access: ClusterAccess;
  config: RemoteConfig;
}
