import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import {
  describeToolExecutor,
  type RepositoryState,
  type SetUp,
} from '../../src/execution/conformance/index.ts';
import { Executors } from '../../src/execution/remote/workspaces/executors.ts';
import { startGitServer } from '../conformance/support/git-server.ts';
import { type ClusterTest, NODE, openCluster } from './support/cluster.ts';
import { openHand, type PodHand } from './support/pod-hand.ts';
import {
  keptProgress,
  type ManagerUnderTest,
  openManager,
  runSteps,
  specOf,
} from './support/remote-manager.ts';
import { remoteEnvironment } from './support/remote-server.ts';

const ROOT = '/workspace/repo';
const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let under: ManagerUnderTest;
let subjects = 0;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  under = resources.use(await openManager(cluster));
});
afterAll(() => resources.disposeAsync());

const setUp: SetUp = async ({ repository }) => {
  subjects += 1;
  const taskId = `subject-${subjects}`;
  await runSteps(under, specOf(taskId), keptProgress(), ['CREATE_POD', 'WAIT_SIDECAR_READY']);
  const pod = { namespace: cluster.namespace, name: `shadow-${taskId}` };
  const hand = await openHand(cluster.kubeconfig, pod);
  await makeRepository(hand, repository);
  const { capabilities } = under.manager;
  const settings = loadConfig(remoteEnvironment(cluster.namespace)).remote.workspaces;
  const executors = new Executors(under.cluster, settings, capabilities, pino({ level: 'silent' }));
  return {
    executor: executors.get(taskId),
    capabilities,
    root: ROOT,
    seed: {
      file: (path, content, mode) => hand.file(`${ROOT}/${path}`, content, mode),
      directory: (path) => hand.directory(`${ROOT}/${path}`),
      clear: async () => void (await hand.run(`find ${ROOT} -mindepth 1 -delete`)),
      link: (path, target) => hand.link(`${ROOT}/${path}`, target),
    },
    async dispose() {
      hand.close();
      executors.close();
    },
  };
};

describeToolExecutor('remote, over a pod', setUp, { remotes: () => startGitServer(NODE) });

async function makeRepository(hand: PodHand, state: RepositoryState): Promise<void> {
  if (state === 'none') return;
  const git = `git -C ${ROOT} -c user.name=Seed -c user.email=seed@example.com`;
  await hand.run(`${git} init --quiet --initial-branch=main`);
  if (state === 'empty') return;
  await hand.file(`${ROOT}/README.md`, '# Seed\n');
  await hand.run(`${git} add --all && ${git} commit --quiet --message Seed`);
}
