import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Server {
  readonly url: string;
  readonly home: string;
}

/** The owner's key, which the server keeps for the command line. */
export async function apiKeyOf({ home }: Server): Promise<string> {
  return (await readFile(join(home, 'cli-key'), 'utf8')).trim();
}

/** A value of the server's `/metrics`; those of the event loop are of the time since they were last read. */
export async function readMetric({ url }: Server, apiKey: string, metric: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { 'x-api-key': apiKey } });
  const line = (await response.text()).split('\n').find((one) => one.startsWith(`${metric} `));
  return Number(line?.split(' ')[1]);
}
