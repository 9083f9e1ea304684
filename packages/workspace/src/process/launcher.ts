import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { OutputStream } from '@shadow/protocol';
import { type Child, type LaunchSpec, spawnOnPipes } from './child.ts';
import { processStartTime } from './group.ts';
import type { StartProcess } from './process-host.ts';
import { spawnOnPty } from './pty-child.ts';

/** Turns requests into children; knows how this host wraps them. */
export class Launcher {
  /** Who writes the records: tells this host's processes from those of a dead one. */
  readonly hostIdentity = { pid: process.pid, startTime: processStartTime(process.pid) ?? null };

  /** @throws the system's error when the command cannot be started */
  async launch(
    request: StartProcess,
    onOutput: (stream: OutputStream, data: Buffer) => void,
  ): Promise<Child> {
    const spec: LaunchSpec = {
      file: findShell(request.env.PATH),
      args: ['-c', request.command],
      cwd: request.cwd,
      env: request.env,
      stdin: request.stdin !== undefined || request.isBackground ? 'pipe' : 'ignore',
      onOutput,
      ...(request.runAs === undefined ? {} : { runAs: request.runAs }),
      ...(request.pty === undefined ? {} : { pty: request.pty }),
    };
    return request.pty === undefined ? await spawnOnPipes(spec) : await spawnOnPty(spec);
  }

  /** Told when nothing of a child's group is left. */
  ended(_pid: number): void {}
}

const USUAL_PLACES = ['/bin', '/usr/bin', '/usr/local/bin'];

/** Absolute path of bash, or of sh where there is none. */
export function findShell(path: string | undefined): string {
  const places = [...USUAL_PLACES, ...(path ?? '').split(':').filter((place) => place.startsWith('/'))];
  for (const name of ['bash', 'sh']) {
    const place = places.find((candidate) => isExecutable(join(candidate, name)));
    if (place !== undefined) return join(place, name);
  }
  return '/bin/sh';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
