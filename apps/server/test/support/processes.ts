import { readdir, readFile } from 'node:fs/promises';

/** Whether a process runs; one that ended and was not yet collected does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The state follows the name, which is in parentheses and may hold anything.
  return text !== undefined && !text.slice(text.lastIndexOf(')')).startsWith(') Z');
}

/** Running processes whose command line holds a text. */
export async function findProcesses(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (line.replaceAll('\0', ' ').includes(text) && (await isRunning(Number(name))))
      found.push(Number(name));
  }
  return found;
}
