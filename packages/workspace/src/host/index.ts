export type {
  HostCapabilities,
  HostReadOutput,
  HostResize,
  HostSignal,
  HostStdin,
  MutationOptions,
  ProcessHost,
  ProcessRef,
  StartedFrame,
  StartProcess,
} from '../process/process-host.ts';
export { type Daemon, DaemonSettings, runDaemon } from './daemon.ts';
export { createInProcessHost, type HostOptions, InProcessHost } from './in-process-host.ts';
export { type ConnectHostOptions, connectProcessHost, SocketHost } from './socket-host.ts';
export { hostSocketPath } from './socket-path.ts';
export {
  DEFAULT_IDLE_TIMEOUT_MS,
  type StartedHost,
  type StartHostOptions,
  startProcessHost,
} from './start-host.ts';
