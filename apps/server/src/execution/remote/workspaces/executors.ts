import type { Result, WorkspaceEnvironment, WorkspaceUsage } from '@shadow/protocol';
import { failure, sidecarEndpoints } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { Capabilities } from '../../interfaces/types.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { RemoteToolExecutor } from '../remote-tool-executor.ts';
import { SidecarClient } from '../sidecar-client.ts';
import { getWorkspaceUsage } from '../workspace-calls.ts';
import { containerEnd } from './container-end.ts';
import { SidecarPlace } from './sidecar-place.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';

interface Opened {
  readonly place: SidecarPlace;
  readonly client: SidecarClient;
  readonly executor: RemoteToolExecutor;
}

/** The tools of tasks in pods, one set a task; each finds its pod again by itself. */
export class Executors {
  readonly #cluster: Cluster;
  readonly #settings: WorkspaceSettings;
  readonly #capabilities: Capabilities;
  readonly #log: Logger;
  readonly #opened = new Map<string, Opened>();

  constructor(cluster: Cluster, settings: WorkspaceSettings, capabilities: Capabilities, log: Logger) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#capabilities = capabilities;
    this.#log = log;
  }

  get(taskId: string): RemoteToolExecutor {
    return this.#open(taskId).executor;
  }

  /** Resolves once the task's sidecar has answered; the calls that follow go the same way. @throws ShadowError as calls do */
  async connect(taskId: string, signal: AbortSignal): Promise<void> {
    await this.#open(taskId).client.connect(signal);
  }

  /** What the sidecar says of the workspace. */
  usage(taskId: string, signal?: AbortSignal): Promise<Result<WorkspaceUsage>> {
    return getWorkspaceUsage(this.#open(taskId).client, signal);
  }

  /** Sets variables of the commands. The token stays what it is. */
  async giveEnvironment(
    taskId: string,
    environment: WorkspaceEnvironment,
    signal: AbortSignal,
  ): Promise<Result> {
    const { place, client } = this.#open(taskId);
    const { token } = await place.locate(signal);
    const claimed = await client.call(sidecarEndpoints.claimWorkspace, {
      body: { token, environment },
      signal,
    });
    return claimed.success || claimed.error.code !== 'TOKEN_INVALID'
      ? claimed
      : failure('UNAVAILABLE', 'The pod’s token changed just now. Try again.');
  }

  /** Lets go of a task's connections; what uses them fails. */
  forget(taskId: string): void {
    const opened = this.#opened.get(taskId);
    this.#opened.delete(taskId);
    opened?.client.close();
    opened?.place.close();
  }

  close(): void {
    for (const taskId of [...this.#opened.keys()]) this.forget(taskId);
  }

  #open(taskId: string): Opened {
    const known = this.#opened.get(taskId);
    if (known !== undefined) return known;
    const place = new SidecarPlace(this.#cluster, this.#settings, taskId);
    const locator = {
      locate: (signal: AbortSignal | undefined) => place.locate(signal),
      whyLost: (since: Date) => containerEnd(this.#cluster, taskId, since),
    };
    const client = new SidecarClient({ locator, log: this.#log.child({ taskId }) });
    const opened = { place, client, executor: new RemoteToolExecutor(client, this.#capabilities) };
    this.#opened.set(taskId, opened);
    return opened;
  }
}
