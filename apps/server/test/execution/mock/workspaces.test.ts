import { fileURLToPath } from 'node:url';
import { unwrap } from '@shadow/protocol';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { WorkspaceSpec } from '../../../src/execution/interfaces/workspace-manager.ts';
import { MockWorkspaceManager } from '../../../src/execution/mock/mock-workspace-manager.ts';

const sampleAssets = fileURLToPath(new URL('../../../assets/sample-repository', import.meta.url));
const spec: WorkspaceSpec = {
  taskId: 'T1',
  userId: 'u',
  repository: 'sample',
  baseBranch: undefined,
  branch: 'shadow/mend-t1',
};

function makeManager(): MockWorkspaceManager {
  return new MockWorkspaceManager({ sampleAssets, log: pino({ level: 'silent' }), stepMs: 0 });
}

async function runStep(manager: MockWorkspaceManager, name: string, of: WorkspaceSpec = spec) {
  const step = manager.steps().find((candidate) => candidate.name === name);
  if (step === undefined) throw new Error(`no step ${name}`);
  return await step.run(of, { signal: new AbortController().signal, log: () => {} });
}

async function prepare(manager: MockWorkspaceManager, of: WorkspaceSpec = spec) {
  let prepared: unknown;
  for (const { name } of manager.steps()) prepared = unwrap(await runStep(manager, name, of)).prepared;
  return prepared;
}

it('brings a pod up in three steps, on a branch of its own', async () => {
  const manager = makeManager();
  expect(await manager.getWorkspaceStatus('T1')).toEqual({ status: 'absent' });
  unwrap(await runStep(manager, 'CREATE_POD'));
  expect(await manager.getWorkspaceStatus('T1')).toEqual({ status: 'preparing' });
  unwrap(await runStep(manager, 'WAIT_SIDECAR_READY'));
  const { prepared } = unwrap(await runStep(manager, 'CLONE_TO_POD'));
  expect(prepared).toMatchObject({ baseBranch: 'main', branch: spec.branch, podName: 'shadow-t1' });
  unwrap(await manager.healthCheck('T1'));
  const { executor } = unwrap(await manager.getExecutor('T1'));
  expect(unwrap(await executor.gitStatus())).toMatchObject({ branch: spec.branch, clean: true });
  expect(unwrap(await manager.getWorkspaceSize('T1')).files).toBe(9);
});

it('runs each step twice without a difference, and gives the same first commit each time', async () => {
  const manager = makeManager();
  const first = await prepare(manager);
  // Only the first time it says where the branch begins: then it is kept.
  expect(first).toMatchObject(Object(await prepare(manager)));
  expect(await prepare(makeManager())).toEqual(first);
});

it('fails a step as often as it is told, and goes on from there', async () => {
  const manager = makeManager();
  manager.setStepFailure({ step: 'WAIT_SIDECAR_READY', times: 1 });
  unwrap(await runStep(manager, 'CREATE_POD'));
  expect(await runStep(manager, 'WAIT_SIDECAR_READY')).toMatchObject({ error: { code: 'UNAVAILABLE' } });
  expect(await runStep(manager, 'CLONE_TO_POD')).toMatchObject({ error: { code: 'UNAVAILABLE' } });
  unwrap(await runStep(manager, 'WAIT_SIDECAR_READY'));
  unwrap(await runStep(manager, 'CLONE_TO_POD'));
});

it('refuses steps of a pod that is gone', async () => {
  const manager = makeManager();
  expect(await runStep(manager, 'CLONE_TO_POD')).toMatchObject({ error: { code: 'WORKSPACE_LOST' } });
  expect(await manager.healthCheck('T1')).toMatchObject({ error: { code: 'WORKSPACE_LOST' } });
  expect(await manager.getExecutor('T1')).toMatchObject({ error: { code: 'WORKSPACE_LOST' } });
});

it('passes the tests of the sample once its parser takes fractions', async () => {
  const manager = makeManager();
  await prepare(manager);
  const { executor } = unwrap(await manager.getExecutor('T1'));
  const test = async () => unwrap(await executor.executeCommand({ command: 'npm test' }));
  expect(await test()).toMatchObject({ process: { exitCode: 1 } });
  const edit = { path: 'src/parse-duration.js', oldText: '(\\d+)\\s*', newText: '([\\d.]+)\\s*' };
  unwrap(await executor.searchReplace(edit));
  const passed = await test();
  expect(passed.process.exitCode).toBe(0);
  expect(passed.stdout).toContain('✔ takes fractions');
});

it('knows what work would be lost, keeps it by a commit, and forgets the pod when told', async () => {
  const manager = makeManager();
  await prepare(manager, { ...spec, repository: 'https://example.com/team/project.git' });
  const { executor } = unwrap(await manager.getExecutor('T1'));
  expect(unwrap(await executor.readFile({ path: 'README.md' })).content).toContain('# project');
  const base = unwrap(await executor.gitStatus()).headCommit ?? '';
  unwrap(await executor.writeFile({ path: 'work', content: 'x' }));
  expect(unwrap(await manager.getUnsavedWork('T1', base))).toMatchObject({ uncommitted: true, commits: 0 });
  unwrap(await manager.archiveWorkspace('T1'));
  expect(unwrap(await manager.getUnsavedWork('T1', base))).toMatchObject({ uncommitted: false, commits: 1 });
  expect(await manager.list()).toEqual(['T1']);
  unwrap(await manager.cleanupWorkspace('T1'));
  unwrap(await manager.cleanupWorkspace('T1'));
  expect(await manager.list()).toEqual([]);
});
