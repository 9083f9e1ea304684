import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unwrap } from '@shadow/protocol';
import { createInProcessHost, createProcessOperations, createWorkspaceEngine } from '@shadow/workspace';
import { rgPath } from '@vscode/ripgrep';
import { type CodeCorpus, makeCodeCorpus } from './support/code-corpus.ts';
import { type Measurement, median } from './support/measurement.ts';
import { temporaryDirectory } from './support/place.ts';

export const name = 'Code index: building it, asking it, and keeping it up to date';

type Engine = ReturnType<typeof createWorkspaceEngine>;

const PER_FILES = 10_000;

export async function run({ quick }: { quick: boolean }): Promise<Measurement[]> {
  await using place = await temporaryDirectory();
  const root = join(place.path, 'code');
  const stateDir = join(place.path, 'state');
  await mkdir(root);
  await mkdir(stateDir);
  const corpus = await makeCodeCorpus(root, quick ? 1000 : PER_FILES);
  await using engine = await openEngine(root, stateDir);
  const wordCount = await timed(() => countWords(root, corpus.files));
  const build = await timed(() => untilComplete(engine.engine));
  const scale = PER_FILES / corpus.files.length;
  const measured = [
    {
      what: `index of ${corpus.files.length} files (${(corpus.bytes / 1e6).toFixed(0)} MB), for 10,000`,
      value: (build * scale) / 1000,
      unit: 's',
      baseline: { name: 'reading them and counting words', value: (wordCount * scale) / 1000 },
    },
    await queries(engine.engine, corpus, root, quick ? 20 : 60),
    await afterChange(engine.engine, root, quick ? 3 : 10),
  ];
  await engine.engine.close();
  await using again = await openEngine(root, stateDir);
  const reopened = await timed(() => untilComplete(again.engine));
  return [
    ...measured,
    {
      what: 'index taken from disk after a restart, for 10,000',
      value: (reopened * scale) / 1000,
      unit: 's',
      baseline: { name: 'building it', value: (build * scale) / 1000 },
    },
  ];
}

async function openEngine(root: string, stateDir: string): Promise<{ engine: Engine } & AsyncDisposable> {
  const host = await createInProcessHost();
  const context = { root, stateDir, environment: { PATH: '/usr/bin:/bin', HOME: root } };
  const engine = createWorkspaceEngine(context, { processes: createProcessOperations(context, host) });
  return {
    engine,
    [Symbol.asyncDispose]: async () => {
      await engine.close();
      await host.shutdown();
    },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Each file read as text and taken apart into words, as any index has to. */
async function countWords(root: string, files: readonly string[]): Promise<number> {
  const counts = new Map<string, number>();
  for (const file of files) {
    const text = await readFile(join(root, file), 'utf8');
    for (const [word] of text.matchAll(/[\p{L}\p{N}_$]+/gu)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts.size;
}

/** A query waits for the index, but not for ever; it then says that its answer is not complete. */
async function untilComplete(engine: Engine): Promise<void> {
  while (!unwrap(await engine.codebaseSearch({ query: 'anything' })).complete);
}

async function queries(
  engine: Engine,
  corpus: CodeCorpus,
  root: string,
  rounds: number,
): Promise<Measurement> {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const query = corpus.question(round * 997);
    times[0].push(await timed(async () => unwrap(await engine.codebaseSearch({ query, limit: 5 }))));
    times[1].push(await timed(() => grepWords(query, root)));
  }
  return {
    what: 'question of five words, p50',
    value: median(times[0]),
    unit: 'ms',
    baseline: { name: 'rg of its words', value: median(times[1]) },
  };
}

function grepWords(question: string, root: string): Promise<void> {
  const patterns = (question.match(/\w{4,}/g) ?? []).flatMap((word) => ['-e', word]);
  const args = ['--no-config', '--ignore-case', '--fixed-strings', '--count', ...patterns, './'];
  return new Promise((resolve, reject) => {
    const child = spawn(rgPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.resume();
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}

/** From the write of a file to an answer that shows it. */
async function afterChange(engine: Engine, root: string, rounds: number): Promise<Measurement> {
  const times: number[] = [];
  const greps: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const symbol = `freshlyWritten${'abcdefghijklmnop'[round]}Function`;
    const path = join(root, 'area-0', `fresh-${round}.ts`);
    const text = `/** Nobody has seen this before. */\nexport function ${symbol}(): void {}\n`;
    times.push(
      await timed(async () => {
        await writeFile(path, text);
        while (!(await isFound(engine, symbol)));
      }),
    );
    greps.push(await timed(() => grepWords(symbol, root)));
  }
  return {
    what: 'from a change to an answer that knows it, p50',
    value: median(times),
    unit: 'ms',
    baseline: { name: 'rg of the new symbol', value: median(greps) },
  };
}

async function isFound(engine: Engine, symbol: string): Promise<boolean> {
  const { snippets } = unwrap(await engine.codebaseSearch({ query: symbol, limit: 1 }));
  return snippets[0]?.symbol === symbol;
}
