import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { unwrap } from '@shadow/protocol';
import { rgPath } from '@vscode/ripgrep';
import express from 'express';
import { executorOn, TestSidecar } from '../apps/server/test/execution/remote/support/sidecar.ts';
import { type Measurement, median, percentile } from './support/measurement.ts';

export const name = 'Sidecar: commands, output, search and files over HTTP, beside the same without it';

type Executor = Awaited<ReturnType<typeof executorOn>>;

const SETTLE_MS = 3000;
const MIB = 1024 * 1024;

export async function run({ quick }: { quick: boolean }): Promise<Measurement[]> {
  await using sidecar = await TestSidecar.start();
  const executor = await executorOn(sidecar.port);
  try {
    return [
      ...(await idleMemory(sidecar)),
      ...(await commandStart(executor, quick ? 100 : 1000)),
      await rawOutput(executor, quick ? 256 * MIB : 1024 * MIB, quick ? 1 : 5),
      await grep(executor, sidecar.workspace, quick ? 300 : 2000, quick ? 5 : 15),
      ...(await readMebibyte(executor, sidecar.workspace, quick ? 30 : 200)),
    ];
  } finally {
    await executor.close();
  }
}

/** Rounds until V8 has compiled what a command takes in three processes: the first of them take about 1.3 times as long. */
const COMPILED_ROUNDS = 500;

/** Each of both kinds after the other, so that the machine's mood falls on both alike. */
async function interleaved(
  rounds: number,
  first: () => Promise<void>,
  second: () => Promise<void>,
  warmUpRounds = 20,
) {
  const times: [number[], number[]] = [[], []];
  const warmUp = Math.min(warmUpRounds, rounds);
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const [index, work] of [first, second].entries()) {
      const startedAt = performance.now();
      await work();
      if (round >= warmUp) times[index]?.push(performance.now() - startedAt);
    }
  }
  return times;
}

async function commandStart(executor: Executor, rounds: number): Promise<Measurement[]> {
  const [bare, remote] = await interleaved(
    rounds,
    () => spawned('/bin/true', []).then(() => {}),
    async () => {
      unwrap(await executor.executeCommand({ command: '/bin/true' }));
    },
    COMPILED_ROUNDS,
  );
  const at = (share: number) => ({
    value: percentile(remote, share),
    unit: 'ms',
    baseline: { name: 'bare spawn', value: percentile(bare, share) },
  });
  return [
    { what: '/bin/true over the sidecar, p50', ...at(0.5), limit: { of: 'ratio', atMost: 1.5 } },
    { what: '/bin/true over the sidecar, p99', ...at(0.99), limit: { of: 'ratio', atMost: 3 } },
  ];
}

/** Bytes that a program writes to its standard output. */
function spawned(file: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let bytes = 0;
    child.stdout.on('data', (data: Buffer) => {
      bytes += data.length;
    });
    child.stderr.resume();
    child.once('error', reject);
    child.once('close', () => resolve(bytes));
  });
}

async function rawOutput(executor: Executor, bytes: number, rounds: number): Promise<Measurement> {
  const command = `head -c ${bytes} /dev/zero`;
  const pipe: number[] = [];
  const remote: number[] = [];
  // The first of both only warms up, as with the commands above.
  for (let round = 0; round <= rounds; round += 1) {
    const bare = await throughput(() => spawned('head', ['-c', String(bytes), '/dev/zero']));
    const received = await throughput(() => bytesReceived(executor, command));
    if (round > 0) {
      pipe.push(bare);
      remote.push(received);
    }
  }
  const value = median(remote);
  return {
    what: 'raw terminal stream, bytes received',
    value,
    unit: 'MiB/s',
    baseline: { name: 'bare pipe', value: median(pipe) },
    // Or 300 MiB/s, where the pipe is faster than four times that.
    limit: value >= 300 ? { of: 'value', atLeast: 300 } : { of: 'ratio', atLeast: 0.25 },
  };
}

/** What comes of a command's output; what a reader is too slow for is left out by a gap and does not count. */
async function bytesReceived(executor: Executor, command: string): Promise<number> {
  let received = 0;
  unwrap(await executor.executeCommand({ command }, { onOutput: ({ data }) => (received += data.length) }));
  return received;
}

async function throughput(work: () => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const bytes = await work();
  return bytes / MIB / ((performance.now() - startedAt) / 1000);
}

async function grep(
  executor: Executor,
  workspace: string,
  files: number,
  rounds: number,
): Promise<Measurement> {
  for (let index = 0; index < files; index += 1) {
    const directory = join(workspace, 'tree', String(Math.floor(index / 50)));
    if (index % 50 === 0) await mkdir(directory, { recursive: true });
    const text = Array.from({ length: 200 }, (_, line) => `const value${line} = compute(${index * line});\n`);
    await writeFile(
      join(directory, `file-${index}.ts`),
      index % 20 === 0 ? `${text.join('')}// needle\n` : text.join(''),
    );
  }
  const args = ['--json', '--sort', 'path', '--max-columns', '1000', '--', 'needle', join(workspace, 'tree')];
  const [bare, remote] = await interleaved(
    rounds,
    () => spawned(rgPath, args).then(() => {}),
    async () => {
      unwrap(await executor.grepSearch({ pattern: 'needle', path: 'tree' }));
    },
  );
  return {
    what: `grep of ${files} files over the sidecar`,
    value: median(remote),
    unit: 'ms',
    baseline: { name: 'bare rg --json', value: median(bare) },
    limit: { of: 'ratio', atMost: 1.3 },
  };
}

async function readMebibyte(executor: Executor, workspace: string, rounds: number): Promise<Measurement[]> {
  const path = join(workspace, 'mebibyte.txt');
  await writeFile(path, randomBytes((MIB * 3) / 4).toString('base64'));
  const app = express();
  app.get('/file', async (_request, response) => {
    response.type('application/octet-stream').send(await readFile(path));
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  const bareRead = async () => {
    await (await fetch(url)).arrayBuffer();
  };
  const asBytes = async () => {
    for await (const _ of unwrap(await executor.downloadFile({ path: 'mebibyte.txt' })).content);
  };
  const asText = async () => {
    unwrap(await executor.readFile({ path: 'mebibyte.txt', maxBytes: 2 * MIB }));
  };
  const [bareBytes, bytes] = await interleaved(rounds, bareRead, asBytes);
  const [bareText, text] = await interleaved(rounds, bareRead, asText);
  server.close();
  server.closeAllConnections();
  const line = (what: string, remote: number[], bare: number[]): Measurement => ({
    what,
    value: median(remote),
    unit: 'ms',
    baseline: { name: 'bare Express route', value: median(bare) },
  });
  return [
    line('1 MiB as bytes', bytes, bareBytes),
    line('1 MiB as text with lines and hash', text, bareText),
  ];
}

async function idleMemory(sidecar: TestSidecar): Promise<Measurement[]> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const plain = { name: 'a Node that does nothing', value: await emptyNode() };
  return [
    { what: 'idle sidecar, HTTP process', value: await megabytes(sidecar.pid), unit: 'MB', baseline: plain },
    {
      what: 'idle sidecar, process host',
      value: await megabytes(sidecar.hostPid()),
      unit: 'MB',
      baseline: plain,
    },
  ];
}

async function emptyNode(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)']);
  for await (const _ of createInterface({ input: child.stdout })) break;
  const value = await megabytes(child.pid ?? 0);
  child.kill('SIGKILL');
  return value;
}

/** Proportional set size: shared pages counted once (Linux). */
async function megabytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024;
}
