export type {
  HostCapabilities,
  HostReadOutput,
  HostResize,
  HostSignal,
  HostStdin,
  ProcessHost,
  ProcessRef,
  StartProcess,
} from '../process/process-host.ts';
export { createInProcessHost, InProcessHost } from './in-process-host.ts';
