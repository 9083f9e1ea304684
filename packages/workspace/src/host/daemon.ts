import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { deferred } from './deferred.ts';
import { takeHostLock } from './host-lock.ts';
import { HostServer } from './host-server.ts';
import { createInProcessHost, type InProcessHost } from './in-process-host.ts';
import { hostSocketPath } from './socket-path.ts';

/** Settings of a daemon, as its command line carries them. */
export const DaemonSettings = z.object({
  /** The host's own directory: lock, socket, log, list of workspaces. */
  directory: z.string().startsWith('/'),
  /** Ends itself after so long without a process or a client. */
  idleTimeoutMs: z.int().positive(),
});
export type DaemonSettings = z.infer<typeof DaemonSettings>;

/** A running daemon. */
export interface Daemon {
  readonly socketPath: string;
  /** Resolves when it has ended: on request, by `stop`, or idle. */
  readonly ended: Promise<void>;
  /** Ends every process (TERM, grace, KILL), flushes, lets go of socket and lock. */
  stop(): void;
}

/**
 * Becomes the process host of a directory.
 *
 * @returns undefined when a live one is there already
 * @throws the system's error when the directory or socket cannot be used
 */
export async function runDaemon(settings: DaemonSettings): Promise<Daemon | undefined> {
  const socketPath = hostSocketPath(settings.directory);
  const unlock = takeHostLock(join(settings.directory, 'host.lock'));
  if (unlock === undefined) return undefined;
  const workspaces = new WorkspaceList(join(settings.directory, 'workspaces'));
  const host = await createInProcessHost({
    disk: settings.directory,
    onWorkspace: (stateDir) => workspaces.add(stateDir),
  });
  const stopping = deferred<void>();
  const server = await HostServer.listen(host, socketPath, stopping.resolve);
  const idle = watchIdle(
    host,
    server,
    { idleTimeoutMs: settings.idleTimeoutMs, socketPath },
    stopping.resolve,
  );
  const recovered = recover(host, workspaces);
  const ended = stopping.promise.then(async () => {
    clearInterval(idle);
    await recovered;
    await host.shutdown();
    await server.close();
    unlock();
  });
  return { socketPath, ended, stop: stopping.resolve };
}

/** Ends what a dead host left running in the workspaces it knew. */
async function recover(host: InProcessHost, workspaces: WorkspaceList): Promise<void> {
  for (const stateDir of workspaces.known) {
    // One unreadable workspace must not keep the others from being cleaned up.
    await host.recoverWorkspace(stateDir).catch(() => {});
  }
}

function watchIdle(
  host: InProcessHost,
  server: HostServer,
  { idleTimeoutMs, socketPath }: { idleTimeoutMs: number; socketPath: string },
  onIdle: () => void,
): NodeJS.Timeout {
  let busyAt = performance.now();
  return setInterval(
    async () => {
      const now = performance.now();
      if (server.clientCount > 0 || (await host.runningCount()) > 0) busyAt = now;
      // Without its socket (the directory was removed) nobody can ever come again.
      else if (now - busyAt >= idleTimeoutMs || !existsSync(socketPath)) onIdle();
    },
    Math.max(20, Math.min(idleTimeoutMs / 4, 30_000)),
  );
}

/** The state directories this host has served, one a line, so that the next one finds what this one leaves. */
class WorkspaceList {
  readonly #path: string;
  readonly known: Set<string>;

  constructor(path: string) {
    this.#path = path;
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
    this.known = new Set(lines.filter((line) => line !== '' && existsSync(line)));
    writeFileSync(path, [...this.known].map((line) => `${line}\n`).join(''), { mode: 0o600 });
  }

  add(stateDir: string): void {
    if (this.known.has(stateDir)) return;
    this.known.add(stateDir);
    appendFileSync(this.#path, `${stateDir}\n`);
  }
}
