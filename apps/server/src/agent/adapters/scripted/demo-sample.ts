import type { PlayedCall, Scene } from './playbook.ts';
import type { ScriptCall, ScriptStep } from './script.ts';

const SOURCE = 'src/parse-duration.js';
const TESTS = 'test/parse-duration.js';
const BROKEN = 'const PART = /(\\d+)\\s*(ms|[dhms])/g;';
const MENDED = 'const PART = /(\\d+(?:\\.\\d+)?)\\s*(ms|[dhms])/g;';
const RUN_TESTS: ScriptCall = { tool: 'executeCommand', input: { command: 'node --test' } };

const TODO = ['Run the tests', 'Find the cause', 'Mend it', 'Run the tests again'];

/** Whether the listing of the first step shows the bundled sample repository. */
export function isSample({ played }: Scene): boolean {
  const listing = played[0]?.output ?? '';
  return listing.includes(SOURCE) && listing.includes(TESTS) && listing.includes('src/format-duration.js');
}

/** Mends the sample: runs the tests, finds the cause of the failure, edits, runs them again. */
export function playSample(scene: Scene): ScriptStep | null {
  const runs = scene.played.filter(({ tool }) => tool === 'executeCommand');
  const edit = scene.played.find(({ tool }) => tool === 'searchReplace');
  const step = sampleSteps[scene.position - 1];
  if (step !== undefined) return step({ firstRun: runs[0], edit, secondRun: runs[1] });
  return null;
}

interface SoFar {
  firstRun: PlayedCall | undefined;
  edit: PlayedCall | undefined;
  secondRun: PlayedCall | undefined;
}

const sampleSteps: readonly ((soFar: SoFar) => ScriptStep | null)[] = [
  () => ({
    text: 'A small library for durations. I will note my plan and see where parsing happens.',
    calls: [todo(0), { tool: 'grepSearch', input: { pattern: 'parseDuration', literal: true } }],
  }),
  () => ({ text: 'Now its tests.', calls: [RUN_TESTS] }),
  ({ firstRun }) => ({
    reasoning: 'The regular expression of a part decides what counts as a number.',
    text: `${testsSay(firstRun)} I will read the parser and what its tests expect.`,
    calls: [
      todo(1),
      { tool: 'readFile', input: { path: SOURCE } },
      { tool: 'readFile', input: { path: TESTS } },
    ],
  }),
  () => ({
    text: 'Found it: the pattern takes whole numbers only, so of `1.5h` it reads `5h`. It has to take a fraction too.',
    calls: [todo(2), { tool: 'searchReplace', input: { path: SOURCE, oldText: BROKEN, newText: MENDED } }],
  }),
  ({ edit }) =>
    edit === undefined || edit.isError
      ? {
          text: `The change was not made. ${firstLine(edit)}\n\nThe change I propose, in \`${SOURCE}\`:\n\n${proposal}`,
        }
      : { text: 'The tests again.', calls: [todo(3), RUN_TESTS] },
  ({ secondRun }) =>
    passed(secondRun)
      ? { calls: [todo(4)] }
      : { text: `${MENDED_BUT} ${firstLine(secondRun)} Their output stands above.` },
  ({ firstRun }) => ({ text: summary(firstRun) }),
];

const MENDED_BUT = 'The change is made, but the tests do not pass yet.';

const proposal = `\`\`\`diff\n-${BROKEN}\n+${MENDED}\n\`\`\``;

function summary(firstRun: PlayedCall | undefined): string {
  const before =
    passed(firstRun) || firstRun?.isError !== false ? '' : ' The test that failed before passes now, and';
  return `Done.${before === '' ? ' All tests pass.' : `${before} so do the others.`}

- **Cause:** the pattern in \`${SOURCE}\` knew whole numbers only, so \`1.5h\` was read as \`5h\`.
- **Change:** a number may have a fraction: \`\\d+(?:\\.\\d+)?\`. One line, nothing else touched.

Have a look at the diff. To let a model work on your own repository, add a provider's key or a local endpoint in the settings.`;
}

/** The list with the first `done` items completed and the next one in progress. */
function todo(done: number): ScriptCall {
  const items = TODO.map((text, index) => ({
    text,
    status: index < done ? 'completed' : index === done ? 'in-progress' : 'pending',
  }));
  return { tool: 'todoWrite', input: { items } };
}

function passed(run: PlayedCall | undefined): boolean {
  return run?.output.startsWith('Exit code 0.') ?? false;
}

function testsSay(run: PlayedCall | undefined): string {
  if (run === undefined || run.isError) return `The tests could not be run. ${firstLine(run)}`;
  return passed(run) ? 'They pass.' : 'One of them fails: fractions are not understood.';
}

function firstLine(call: PlayedCall | undefined): string {
  return call?.output.split('\n', 1)[0] ?? '';
}
