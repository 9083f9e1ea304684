import * as z from 'zod';
import { ListProcessesResult, ProcessInfo } from '../operations/process.ts';
import { defineSidecarEndpoint } from './endpoint.ts';
import { fileEndpoints, searchEndpoints } from './file-endpoints.ts';
import { gitEndpoints } from './git-endpoints.ts';
import {
  HistoryQuery,
  JsonOutputFrame,
  OutputStreamQuery,
  ProcessParams,
  ResizeBody,
  SidecarCapabilities,
  SidecarLive,
  SidecarReady,
  SignalBody,
  StartCommandAnswer,
  StartCommandBody,
  StdinBody,
  TerminalHistory,
} from './schemas.ts';
import { workspaceEndpoints } from './workspace-endpoints.ts';

const none = z.object({});
const noBody = z.undefined();
const call = { params: none, query: none, status: 200, public: false, answer: 'json' } as const;
const post = { ...call, method: 'post' } as const;
const get = { ...call, method: 'get', effect: 'read', body: noBody } as const;
const onProcess = { ...post, params: ProcessParams, effect: 'converging-write', tag: 'Processes' } as const;
/** The fact of success is the answer. */
const done = z.looseObject({});

const processEndpoints = {
  executeCommand: defineSidecarEndpoint({
    ...onProcess,
    method: 'put',
    operationId: 'executeCommand',
    path: '/api/execute/:processId',
    summary:
      'Start a command under this id, or find it. Answers as Accept asks: JSON (a foreground command after its end), server-sent events or output frames',
    body: StartCommandBody,
    response: StartCommandAnswer,
  }),
  listProcesses: defineSidecarEndpoint({
    ...get,
    operationId: 'listProcesses',
    path: '/api/execute',
    tag: 'Processes',
    summary: 'Processes, the ended ones of the last 24 hours included',
    response: ListProcessesResult,
  }),
  getProcess: defineSidecarEndpoint({
    ...get,
    params: ProcessParams,
    operationId: 'getProcess',
    path: '/api/execute/:processId',
    tag: 'Processes',
    summary: 'One process',
    response: z.object({ process: ProcessInfo }),
  }),
  streamCommand: defineSidecarEndpoint({
    ...get,
    params: ProcessParams,
    query: OutputStreamQuery,
    answer: 'events',
    operationId: 'streamCommand',
    path: '/api/execute/:processId/stream',
    tag: 'Processes',
    summary: 'Output as server-sent events by offset: data (base64), gap, end, error, heartbeat',
    response: JsonOutputFrame,
  }),
  writeStdin: defineSidecarEndpoint({
    ...onProcess,
    operationId: 'writeStdin',
    path: '/api/execute/:processId/stdin',
    summary: 'Write to standard input',
    body: StdinBody,
    response: done,
  }),
  signalProcess: defineSidecarEndpoint({
    ...onProcess,
    operationId: 'signalProcess',
    path: '/api/execute/:processId/signal',
    summary: 'Send a signal to the whole process group',
    body: SignalBody,
    response: done,
  }),
  resizeTerminal: defineSidecarEndpoint({
    ...onProcess,
    operationId: 'resizeTerminal',
    path: '/api/execute/:processId/resize',
    summary: 'Resize the pseudo-terminal',
    body: ResizeBody,
    response: done,
  }),
  cancelProcess: defineSidecarEndpoint({
    ...onProcess,
    operationId: 'cancelProcess',
    path: '/api/execute/:processId/cancel',
    summary: 'End the process group (TERM, grace, KILL); answers when it is gone',
    body: noBody,
    response: z.object({ process: ProcessInfo }),
  }),
} as const;

const terminalEndpoints = {
  readHistory: defineSidecarEndpoint({
    ...get,
    params: ProcessParams,
    query: HistoryQuery,
    operationId: 'readHistory',
    path: '/api/terminal/:processId/history',
    tag: 'Terminal',
    summary: 'A page of the output held, by offset',
    response: TerminalHistory,
  }),
  streamOutput: defineSidecarEndpoint({
    ...get,
    params: ProcessParams,
    query: OutputStreamQuery,
    answer: 'events',
    operationId: 'streamOutput',
    path: '/api/terminal/:processId/events',
    tag: 'Terminal',
    summary: 'Output as server-sent events by offset: data (base64), gap, end, error, heartbeat',
    response: JsonOutputFrame,
  }),
  readOutput: defineSidecarEndpoint({
    ...get,
    params: ProcessParams,
    query: OutputStreamQuery,
    answer: 'frames',
    operationId: 'readOutput',
    path: '/api/terminal/:processId/raw',
    tag: 'Terminal',
    summary: 'Output as frames of bytes by offset; the last one says how the process ended',
    response: noBody,
  }),
} as const;

const systemEndpoints = {
  getLive: defineSidecarEndpoint({
    ...get,
    operationId: 'getLive',
    path: '/health/live',
    tag: 'System',
    summary: 'Whether the process answers',
    public: true,
    response: SidecarLive,
  }),
  getReady: defineSidecarEndpoint({
    ...get,
    operationId: 'getReady',
    path: '/health/ready',
    tag: 'System',
    summary: 'Whether it can work now: workspace there, process host reachable, not shutting down; else 503',
    public: true,
    response: SidecarReady,
  }),
  getCapabilities: defineSidecarEndpoint({
    ...get,
    operationId: 'getCapabilities',
    path: '/api/capabilities',
    tag: 'System',
    summary: 'What this sidecar can do on its machine',
    response: SidecarCapabilities,
  }),
  getMetrics: defineSidecarEndpoint({
    ...get,
    answer: 'text',
    operationId: 'getMetrics',
    path: '/metrics',
    tag: 'System',
    summary: 'Measurements in the Prometheus format',
    response: z.string(),
  }),
  getOpenApi: defineSidecarEndpoint({
    ...get,
    operationId: 'getOpenApi',
    path: '/api/openapi.json',
    tag: 'System',
    summary: 'This description',
    response: z.looseObject({ openapi: z.string() }),
  }),
} as const;

/** The whole API of the sidecar; operation ids are the names of the operations. */
export const sidecarEndpoints = {
  ...fileEndpoints,
  ...searchEndpoints,
  ...processEndpoints,
  ...terminalEndpoints,
  ...gitEndpoints,
  ...workspaceEndpoints,
  ...systemEndpoints,
} as const;

/** Path of the WebSocket of a process's terminal. */
export const SIDECAR_SOCKET_PATH = /^\/api\/terminal\/([A-Za-z0-9_-]{1,64})\/socket$/;
