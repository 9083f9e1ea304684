import {
  type FollowProcess,
  type OutputFrame,
  type ProcessOutput,
  ShadowError,
  toShadowError,
  type UnfollowProcess,
} from '@shadow/protocol';
import type { TaskService } from '../tasks/contracts.ts';
import type { RealtimeLimits } from './limits.ts';
import type { RealtimeSocket } from './types.ts';

/**
 * Streams output of processes to sockets. The next frame is pulled only when the socket has room: a slow one makes
 * the buffer of the process skip ahead with a gap and never fills memory here.
 */
export class ProcessFollows {
  readonly #tasks: TaskService;
  readonly #limits: RealtimeLimits;
  readonly #follows = new WeakMap<RealtimeSocket, Map<string, AbortController>>();

  constructor(tasks: TaskService, limits: RealtimeLimits) {
    this.#tasks = tasks;
    this.#limits = limits;
  }

  /**
   * Starts to stream; a second follow of a socket for a process replaces the first.
   * @throws ShadowError TASK_NOT_FOUND, RESOURCE_LIMIT; what goes wrong later is sent as an `error` frame
   */
  async follow(socket: RealtimeSocket, command: FollowProcess): Promise<void> {
    await this.#tasks.get(socket.data.principal.user.id, command.taskId);
    this.unfollow(socket, command);
    const follows = this.#of(socket);
    if (follows.size >= this.#limits.maxFollows) {
      throw new ShadowError(
        'RESOURCE_LIMIT',
        `A socket can follow ${this.#limits.maxFollows} processes at most.`,
      );
    }
    const stop = new AbortController();
    follows.set(keyOf(command), stop);
    void this.#stream(socket, command, AbortSignal.any([stop.signal, socket.data.closed])).finally(() => {
      if (follows.get(keyOf(command)) === stop) follows.delete(keyOf(command));
    });
  }

  unfollow(socket: RealtimeSocket, command: UnfollowProcess): void {
    const follows = this.#of(socket);
    follows.get(keyOf(command))?.abort();
    follows.delete(keyOf(command));
  }

  async #stream(socket: RealtimeSocket, command: FollowProcess, signal: AbortSignal): Promise<void> {
    const { taskId, processId, fromOffset } = command;
    const { outbox, principal } = socket.data;
    const send = (frame: ProcessOutput) =>
      socket.emit('process:output', { taskId, processId, frames: [frame] });
    try {
      const frames = this.#tasks.followOutput(principal.user.id, taskId, processId, fromOffset, signal);
      for await (const frame of frames) {
        signal.throwIfAborted();
        send(toProcessOutput(frame));
        await outbox.below(this.#limits.pauseBytes, signal);
      }
    } catch (error) {
      if (!signal.aborted) send({ type: 'error', error: toShadowError(error).toOperationError() });
    }
  }

  #of(socket: RealtimeSocket): Map<string, AbortController> {
    const follows = this.#follows.get(socket) ?? new Map<string, AbortController>();
    this.#follows.set(socket, follows);
    return follows;
  }
}

/** Shared memory cannot go into a packet, so that is copied; everything else is sent where it lies. */
function toProcessOutput(frame: OutputFrame): ProcessOutput {
  if (frame.type !== 'data') return frame;
  const { buffer, byteOffset, byteLength } = frame.data;
  const isShared = !(buffer instanceof ArrayBuffer);
  return { ...frame, data: isShared ? Buffer.from(frame.data) : Buffer.from(buffer, byteOffset, byteLength) };
}

function keyOf({ taskId, processId }: UnfollowProcess): string {
  return `${taskId} ${processId}`;
}
