import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How the CLI finds a running server. */
export interface ServerFile {
  url: string;
  pid: number;
  startedAt: string;
  version: string;
}

/** Writes `server.json` into the home, whole or not at all. */
export async function writeServerFile(home: string, file: ServerFile): Promise<void> {
  const path = join(home, 'server.json');
  await writeFile(`${path}.new`, `${JSON.stringify(file)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export async function removeServerFile(home: string): Promise<void> {
  await rm(join(home, 'server.json'), { force: true });
}

/** Says on standard output that the server is ready: for people, or as one JSON line for programs. */
export function announce(
  print: 'text' | 'json',
  ready: { url: string; signInUrl: string; home: string },
): void {
  if (print === 'json') {
    process.stdout.write(`${JSON.stringify({ type: 'ready', ...ready })}\n`);
    return;
  }
  process.stdout.write(
    [
      '',
      '  Shadow is running.',
      '',
      `  Open   ${ready.signInUrl}`,
      `  Data   ${ready.home}`,
      '  Stop   Ctrl+C',
      '',
      '',
    ].join('\n'),
  );
}
