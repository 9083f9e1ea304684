import type { ProcessOutput, ShadowError, TaskEvent } from '@shadow/protocol';

/** State of the socket. `unauthenticated` lasts until `reconnect()` is called; `closed` is for good. */
export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'unauthenticated' | 'closed';

/** Whether a follower hears what happens now, is being brought up to date, or has no connection. */
export type FollowState = 'catching-up' | 'live' | 'offline';

interface FollowHandlers {
  /** The following has ended for good (no such task, no right to it). Passing failures are retried silently. */
  onError?: ((error: ShadowError) => void) | undefined;
  onState?: ((state: FollowState) => void) | undefined;
}

export interface FollowTaskOptions extends FollowHandlers {
  /** Number of the last event that the caller has; 0 for none. */
  afterSeq: number;
  /** Each event exactly once, strictly in order of seq, in non-empty batches. */
  onEvents: (events: TaskEvent[]) => void;
}

/** Frames that a follower of a process gets; failures come by `onError`. */
export type FollowedFrame = Exclude<ProcessOutput, { type: 'error' }>;

export interface FollowProcessOptions extends FollowHandlers {
  /** Absolute byte offset of the first byte wanted; 0 for all that is held. */
  fromOffset: number;
  /** Frames in order of offset, each byte once; evicted bytes are told as a gap. Nothing follows `end`. */
  onFrames: (frames: FollowedFrame[]) => void;
}

/** Ends a following; nothing is delivered afterwards. Calling it again does nothing. */
export type Unfollow = () => void;
