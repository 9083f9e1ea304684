import { OperationError } from '@shadow/protocol/errors';
import { ProcessInfo, ReadOutputRequest } from '@shadow/protocol/process';
import * as z from 'zod';
import {
  HostCapabilities,
  HostResize,
  HostSignal,
  HostStdin,
  ProcessRef,
  StartProcess,
} from '../process/process-host.ts';

/** Raised with every change that an older peer would misread. */
export const PROTOCOL_VERSION = 3;

/** Bytes of output a reader may have under way, unread. */
export const READ_WINDOW_BYTES = 1024 * 1024;

const HostReadOutputRequest = ReadOutputRequest.extend({ stateDir: z.string().startsWith('/') });

const WorkspaceRef = z.object({ stateDir: z.string().startsWith('/') });
const Failure = z.object({ success: z.literal(false), error: OperationError });

function resultOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.union([z.object({ success: z.literal(true), ...shape }), Failure]);
}

/** What each call takes and gives. */
export const HOST_CALLS = {
  startProcess: { params: StartProcess, result: resultOf({ process: ProcessInfo, created: z.boolean() }) },
  listProcesses: { params: WorkspaceRef, result: resultOf({ processes: z.array(ProcessInfo) }) },
  getProcess: { params: ProcessRef, result: resultOf({ process: ProcessInfo }) },
  writeStdin: { params: HostStdin, result: resultOf({}) },
  signalProcess: { params: HostSignal, result: resultOf({}) },
  resizeTerminal: { params: HostResize, result: resultOf({}) },
  cancelProcess: { params: ProcessRef, result: resultOf({ process: ProcessInfo }) },
  releaseWorkspace: { params: WorkspaceRef, result: resultOf({}) },
} as const;

export type HostCall = keyof typeof HOST_CALLS;
export type CallParams<Call extends HostCall> = z.infer<(typeof HOST_CALLS)[Call]['params']>;
export type CallResult<Call extends HostCall> = z.infer<(typeof HOST_CALLS)[Call]['result']>;

const HostCall = z.enum(Object.keys(HOST_CALLS) as [HostCall, ...HostCall[]]);

/** From client to host. `id` is chosen by the client and is one connection's own. */
export const ClientMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), version: z.int() }),
  z.object({
    type: z.literal('call'),
    id: z.int(),
    call: HostCall,
    params: z.unknown(),
    key: z.string().optional(),
  }),
  z.object({
    type: z.literal('read'),
    id: z.int(),
    params: HostReadOutputRequest,
    /** The reader opens the spill files by itself: `held` may come in the place of much `data`. */
    handOver: z.boolean().optional(),
  }),
  /** The reader has taken so many bytes more. */
  z.object({ type: z.literal('credit'), id: z.int(), bytes: z.int().positive() }),
  z.object({ type: z.literal('stop'), id: z.int() }),
  /** Understood in every version, so that a newer server can replace an older host. */
  z.object({ type: z.literal('shutdown') }),
]);
export type ClientMessage = z.infer<typeof ClientMessage>;

/** From host to client. A `data` frame's bytes are its payload. */
export const HostMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    version: z.int(),
    pid: z.int(),
    capabilities: HostCapabilities,
  }),
  z.object({ type: z.literal('result'), id: z.int(), result: z.unknown() }),
  z.object({
    type: z.literal('data'),
    id: z.int(),
    offset: z.int(),
    stream: z.enum(['stdout', 'stderr', 'pty']),
  }),
  z.object({ type: z.literal('held'), id: z.int(), fromOffset: z.int(), toOffset: z.int() }),
  z.object({ type: z.literal('gap'), id: z.int(), fromOffset: z.int(), toOffset: z.int() }),
  z.object({ type: z.literal('end'), id: z.int(), offset: z.int(), process: ProcessInfo }),
  z.object({ type: z.literal('error'), id: z.int(), error: OperationError }),
]);
export type HostMessage = z.infer<typeof HostMessage>;
