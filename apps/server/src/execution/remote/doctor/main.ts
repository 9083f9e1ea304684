// What `shadow doctor` starts in remote mode: prints a line of JSON for each check, {level, text, mend?}.
import { ConfigError, loadConfig } from '../../../config.ts';
import type { ClusterCheck } from './check.ts';
import { examineCluster } from './examine-cluster.ts';

function print(check: ClusterCheck): void {
  console.log(JSON.stringify(check));
}

try {
  for await (const check of examineCluster(loadConfig().remote)) print(check);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  print({ level: 'missing', text: error.message });
}
