import { createRequire } from 'node:module';
import { type Child, type ExitStatus, type LaunchSpec, signalName } from './child.ts';

/** Loaded when first needed: most hosts never open a terminal, and the module costs memory and start-up time. */
let loading: Promise<typeof import('@lydell/node-pty')> | undefined;

/** End of transmission: what a terminal takes as the end of input. */
const END_OF_INPUT = '\x04';

/** Whether this platform has the terminal module, without loading it. */
export function isPtyAvailable(): boolean {
  const require = createRequire(import.meta.url);
  try {
    const module = createRequire(require.resolve('@lydell/node-pty'));
    module.resolve(`@lydell/node-pty-${process.platform}-${process.arch}/pty.node`);
    return true;
  } catch {
    return false;
  }
}

/**
 * Spawns on a pseudo-terminal, which makes the child leader of a session and group of its own.
 *
 * @throws when the terminal module is missing or the system refuses
 */
export async function spawnOnPty(spec: LaunchSpec): Promise<Child> {
  const { spawn } = await loadPty();
  const terminal = spawn(spec.file, [...spec.args], {
    cwd: spec.cwd,
    env: { ...spec.env },
    name: spec.env.TERM ?? 'xterm-256color',
    cols: spec.pty?.columns ?? 80,
    rows: spec.pty?.rows ?? 24,
    // Bytes, not text: the buffer's offsets are bytes.
    encoding: null,
    ...(spec.runAs === undefined ? {} : spec.runAs),
  });
  // With `encoding: null` the module gives buffers, whatever its types say.
  terminal.onData((data: string | Buffer) => spec.onOutput('pty', Buffer.from(data)));
  const exited = new Promise<ExitStatus>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => resolve(exitStatus(exitCode, signal)));
  });
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });
  const write = (data: string) => {
    if (!isOver) terminal.write(data);
    return Promise.resolve(!isOver);
  };
  return {
    pid: terminal.pid,
    exited,
    // The module reports the exit after the terminal's last byte.
    drained: exited.then(() => {}),
    writeStdin: write,
    endStdin: () => void write(END_OF_INPUT),
    resize: ({ columns, rows }) => {
      if (!isOver) terminal.resize(columns, rows);
    },
    destroyOutput: () => {},
  };
}

function exitStatus(exitCode: number, signal: number | undefined): ExitStatus {
  if (signal === undefined || signal === 0) return { exitCode, signal: null };
  return { exitCode: null, signal: signalName(signal) ?? `SIG${signal}` };
}

function loadPty(): Promise<typeof import('@lydell/node-pty')> {
  loading ??= import('@lydell/node-pty');
  return loading;
}
