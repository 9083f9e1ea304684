import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url));
const SCRIPTS = resolve(ROOT, process.env.KUBE_SCRIPTS ?? '../shared/kube');

/** Parts of the test cluster that can be hurt. */
export type Component = 'apiserver' | 'kubelet' | 'containerd' | 'scheduler' | 'controller-manager';

/** Pauses, resumes, kills or starts a part of the test cluster; resolves when that is done. */
export async function component(name: Component, act: 'pause' | 'resume' | 'kill' | 'start'): Promise<void> {
  await promisify(execFile)(`${SCRIPTS}/component`, [name, act]);
}

/** Pauses a part until disposed of. */
export async function pausedComponent(name: Component): Promise<AsyncDisposable> {
  await component(name, 'pause');
  return { [Symbol.asyncDispose]: () => component(name, 'resume') };
}
