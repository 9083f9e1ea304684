import { readFileSync } from 'node:fs';
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import type { PodEvent } from '../../../../src/execution/remote/kubernetes/cluster.ts';
import { diagnosePod, type PodDiagnosis } from '../../../../src/execution/remote/workspaces/pod-diagnosis.ts';
import { PodProgress } from '../../../../src/execution/remote/workspaces/pod-progress.ts';

interface Recorded {
  pod: V1Pod;
  events: PodEvent[];
}

/** Pods of a real cluster with what it said of them, as its API gave them. */
const recorded = JSON.parse(readFileSync(new URL('./recorded-pods.json', import.meta.url), 'utf8')) as Record<
  string,
  { pod: V1Pod; events: CoreV1Event[] }
>;

function pod(name: string): Recorded {
  const found = recorded[name];
  if (found === undefined) throw new Error(`no pod was recorded as "${name}"`);
  return { pod: structuredClone(found.pod), events: found.events.map(asPodEvent) };
}

function asPodEvent({ type, reason = '', message = '', count = 1, lastTimestamp }: CoreV1Event): PodEvent {
  const lastSeen = lastTimestamp === undefined ? undefined : new Date(lastTimestamp);
  return { type: type === 'Warning' ? 'Warning' : 'Normal', reason, message, count, lastSeen, source: '' };
}

function diagnose({ pod, events }: Recorded): PodDiagnosis {
  return diagnosePod(pod, events);
}

describe('a pod that cannot start', () => {
  it.each([
    [
      'image cannot be pulled',
      'failed',
      'image',
      ['registry.invalid/nope:1', 'no such host', 'SIDECAR_IMAGE'],
    ],
    ['image absent and never pulled', 'failed', 'image', ['ErrImageNeverPull', 'pull policy of Never']],
    ['image name invalid', 'failed', 'image', ['InvalidImageName', 'must be lowercase']],
    ['insufficient cpu', 'stuck', 'unschedulable', ['Insufficient cpu', 'REMOTE_CPU_REQUEST']],
    ['insufficient memory', 'stuck', 'unschedulable', ['Insufficient memory', 'REMOTE_MEMORY_REQUEST']],
    ['no matching node', 'stuck', 'unschedulable', ["didn't match", 'node']],
    ['claim absent', 'stuck', 'unschedulable', ['"absent" not found', 'REMOTE_BUILD_CACHE_CLAIM']],
    ['claim unbound', 'stuck', 'unschedulable', ['unbound immediate', 'REMOTE_STORAGE_CLASS']],
    ['secret of a variable absent', 'failed', 'configuration', ['secret "absent" not found']],
    ['image runs as root', 'failed', 'configuration', ['image will run as root', 'ordinary user']],
    ['secret of a volume absent', 'stuck', 'volume', ['FailedMount', 'secret "absent" not found']],
    ['command absent', 'failed', 'configuration', ['/nope', 'not an image of the sidecar']],
    ['crash loop', 'failed', 'crash', ['exit code 3', 'config is missing']],
    ['crash of the sidecar', 'failed', 'crash', ['exit code 1', 'SIDECAR_PORT: not valid']],
    ['out of memory', 'failed', 'out-of-memory', ['OOMKilled', 'REMOTE_MEMORY_LIMIT']],
    ['evicted', 'failed', 'evicted', ['exceeds the total limit of containers 10Mi', 'REMOTE_STORAGE_SIZE']],
  ] as const)('%s: says so in the cluster’s own words', (name, state, trouble, words) => {
    const diagnosis = diagnose(pod(name));
    expect(diagnosis).toMatchObject({ state, trouble });
    for (const word of words) expect(diagnosis).toHaveProperty('message', expect.stringContaining(word));
  });

  it('is given another try after its first crash', () => {
    const crashed = pod('crash loop');
    const status = crashed.pod.status?.containerStatuses?.[0];
    if (status === undefined) throw new Error('the recorded pod has a container');
    Object.assign(status, { restartCount: 0, lastState: {} });
    expect(diagnose(crashed)).toMatchObject({ state: 'starting' });
  });

  it('has failed when it was rejected by its node', () => {
    const { pod: rejected } = pod('evicted');
    Object.assign(rejected.status ?? {}, {
      reason: 'OutOfcpu',
      message: 'Node didn’t have enough resource: cpu',
    });
    const told = { state: 'failed', trouble: 'ended', message: expect.stringContaining('OutOfcpu') };
    expect(diagnosePod(rejected, [])).toMatchObject(told);
  });
});

describe('a pod that starts', () => {
  it('is ready when its probe passes', () => {
    expect(diagnose(pod('ready'))).toEqual({ state: 'ready' });
  });

  it('says what it waits for while its probe fails', () => {
    const diagnosis = diagnose(pod('not ready'));
    expect(diagnosis).toMatchObject({
      state: 'starting',
      waitingFor: expect.stringMatching(/^Readiness probe failed.*SIDECAR_HEALTH_PATH/s),
    });
  });

  it('is nothing but on its way when nobody has said anything', () => {
    expect(diagnosePod({ status: { phase: 'Pending' } }, [])).toEqual({ state: 'starting' });
  });

  it('is going once its deletion has begun, whatever it was', () => {
    const { pod: deleted, events } = pod('ready');
    Object.assign(deleted.metadata ?? {}, { deletionTimestamp: new Date() });
    expect(diagnosePod(deleted, events)).toEqual({ state: 'going' });
  });
});

describe('progress', () => {
  function told(name: string, times = 1): string[] {
    const lines: string[] = [];
    const progress = new PodProgress((line) => lines.push(line));
    const { pod: subject, events } = pod(name);
    for (let time = 0; time < times; time += 1) progress.tell(subject, events, diagnosePod(subject, events));
    return lines;
  }

  it('tells each of the kubelet’s events once, in order', () => {
    expect(told('ready', 3)).toEqual([
      'Scheduled on node-1.',
      expect.stringContaining('already present on machine.'),
      'Created container sidecar.',
      'Started container sidecar.',
    ]);
  });

  it('tells at once why no node takes the pod', () => {
    expect(told('insufficient cpu')).toEqual([expect.stringContaining('Insufficient cpu')]);
  });

  it('tells why an image cannot be pulled', () => {
    expect(told('image cannot be pulled').join('\n')).toContain('Failed to pull image');
  });
});
