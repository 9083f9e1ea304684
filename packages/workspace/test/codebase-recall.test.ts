import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { rgPath } from '@vscode/ripgrep';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodeQuestion } from './fixtures/code-question.ts';
import { CRUISER_QUESTIONS } from './fixtures/cruiser-questions.ts';
import { makeWorkspace, ok, type TestWorkspace } from './fixtures/engine.ts';
import { ZOD_QUESTIONS } from './fixtures/zod-questions.ts';

/** Two libraries of different authors and ways: one in TypeScript with classes, one in JavaScript with functions. */
const LIBRARIES = [
  ['zod', ZOD_QUESTIONS],
  ['dependency-cruiser', CRUISER_QUESTIONS],
] as const;

/** A right snippet is in the right file and shows the place, or a part of the symbol that is meant. */
async function answered({ engine }: TestWorkspace, asked: CodeQuestion): Promise<boolean> {
  const { snippets } = ok(await engine.codebaseSearch({ query: asked.question, limit: 5 }));
  const symbol = asked.text.trim().split(' ').at(-1);
  return [asked, ...(asked.also ?? [])].some(({ file, text }) =>
    snippets.some(
      (snippet) => snippet.path === file && (snippet.content.includes(text) || snippet.symbol === symbol),
    ),
  );
}

/** Grep of the question's words: the five files with the most lines that hold one; a right file is enough. */
function answeredByGrep(root: string, { question, file, also }: CodeQuestion): boolean {
  const words = question.match(/[\w$]+/g) ?? [];
  const patterns = words.flatMap((word) => ['-e', word]);
  const args = ['--no-config', '--ignore-case', '--fixed-strings', '--count', ...patterns, './'];
  const output = execFileSync(rgPath, args, { cwd: root, encoding: 'utf8' });
  const counts = output
    .trim()
    .split('\n')
    .map((line) => {
      const colon = line.lastIndexOf(':');
      return { path: line.slice(2, colon), count: Number(line.slice(colon + 1)) };
    });
  counts.sort((a, b) => b.count - a.count);
  const right = [file, ...(also ?? []).map((place) => place.file)];
  return counts.slice(0, 5).some(({ path }) => right.includes(path));
}

describe.each(LIBRARIES)('codebaseSearch on the sources of %s', (library, questions) => {
  let workspace: TestWorkspace;
  beforeAll(() => {
    workspace = makeWorkspace();
    cpSync(join(packageRoot(library), 'src'), join(workspace.root, 'src'), { recursive: true });
  });
  afterAll(() => workspace.close());

  it('is asked only for answers that exist', () => {
    expect(questions.length).toBeGreaterThanOrEqual(30);
    for (const { file, text } of questions)
      expect(readFileSync(join(workspace.root, file), 'utf8'), file).toContain(text);
  });

  it('has the answer among five snippets for at least 80 % of the questions, and more often than grep', {
    timeout: 120_000,
  }, async () => {
    const missed: string[] = [];
    let byGrep = 0;
    for (const question of questions) {
      if (!(await answered(workspace, question))) missed.push(question.question);
      if (answeredByGrep(workspace.root, question)) byGrep += 1;
    }
    const total = questions.length;
    const recall = (total - missed.length) / total;
    console.log(
      `${library}: recall@5 ${recall.toFixed(2)} (${total - missed.length} of ${total} questions), grep of the words ${(byGrep / total).toFixed(2)} (${byGrep})`,
    );
    console.log(`missed: ${missed.join(' | ')}`);
    expect(recall).toBeGreaterThanOrEqual(0.8);
    expect(recall).toBeGreaterThan(byGrep / total);
  });
});

/** Where a package lies; its `exports` need not let anybody in. */
function packageRoot(name: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const found = paths.map((path) => join(path, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}
