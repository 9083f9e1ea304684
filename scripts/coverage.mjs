// Coverage of the tests, with what the servers that they start have run: most tests of tasks speak to a real server in
// a process of its own, which vitest cannot see. Node writes what such a process ran (NODE_V8_COVERAGE); here it is
// laid over vitest's report, and the sum is held to its limit.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './run.mjs';

/** Percent of lines that must have run. */
const LIMIT = 85;

/** @returns the directory that servers write to; test/support/running-server.ts hands it to them */
export function collectFromServers() {
  const directory = mkdtempSync(join(tmpdir(), 'shadow-coverage-'));
  process.env.SHADOW_SERVER_COVERAGE = directory;
  return directory;
}

/** Prints the sum. @returns the exit code: 1 below the limit */
export function reportCoverage(directory) {
  const report = JSON.parse(readFileSync(join(root, 'coverage/coverage-final.json'), 'utf8'));
  const lineStarts = new Map(Object.keys(report).map((path) => [path, lineStartsOf(path)]));
  const files = readdirSync(directory);
  for (const file of files) addProcess(report, lineStarts, join(directory, file));
  rmSync(directory, { recursive: true });
  const lines = Object.values(report).map(linesOf);
  const total = lines.reduce((sum, one) => sum + one.total, 0);
  const covered = lines.reduce((sum, one) => sum + one.covered, 0);
  const percent = ((100 * covered) / total).toFixed(2);
  writeFileSync(join(root, 'coverage/lines.json'), JSON.stringify(lines, null, 1));
  console.log(
    `Coverage of lines, with ${files.length} processes of servers: ${percent} % (${covered} of ${total})`,
  );
  if (covered >= (total * LIMIT) / 100) return 0;
  console.log(`ERROR: coverage of lines is below its limit of ${LIMIT} %`);
  return 1;
}

/** A line counts when a statement begins on it, and has run when one of these has. */
function linesOf({ path, statementMap, s }) {
  const hasRun = new Map();
  for (const [key, { start }] of Object.entries(statementMap)) {
    hasRun.set(start.line, hasRun.get(start.line) || s[key] > 0);
  }
  const missed = [...hasRun].filter(([, ran]) => !ran).map(([line]) => line);
  return { path: relative(root, path), total: hasRun.size, covered: hasRun.size - missed.length, missed };
}

/** Offset of each line of a file. */
function lineStartsOf(path) {
  const source = readFileSync(path, 'utf8');
  const starts = [0];
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function addProcess(report, lineStarts, file) {
  for (const { url, functions } of JSON.parse(readFileSync(file, 'utf8')).result) {
    if (!url.startsWith('file:')) continue;
    const path = fileURLToPath(url);
    const starts = lineStarts.get(path);
    if (starts !== undefined) addScript(report[path], starts, functions);
  }
}

/** Node runs the sources with their types blanked out, so that V8's offsets are those of the source. */
function addScript(coverage, lineStarts, functions) {
  // The outer ranges first: what is said last of an offset is said by the innermost.
  const ranges = functions
    .flatMap((one) => one.ranges)
    .sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const [key, { start }] of Object.entries(coverage.statementMap)) {
    if (coverage.s[key] > 0) continue;
    const offset = lineStarts[start.line - 1] + start.column;
    const innermost = ranges.findLast((one) => one.startOffset <= offset && offset < one.endOffset);
    coverage.s[key] = innermost?.count ?? 0;
  }
}
