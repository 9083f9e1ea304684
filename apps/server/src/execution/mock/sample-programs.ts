import type { SimulatedProgram } from './process/program.ts';

const SOURCE = 'src/parse-duration.js';
/** The tests of the sample repository, and whether each needs fractions to be understood. */
const TESTS: readonly (readonly [name: string, needsFractions: boolean])[] = [
  ['names the largest units first', false],
  ['shows nothing as 0s', false],
  ['refuses negative durations', false],
  ['parses a single unit', false],
  ['adds up several units', false],
  ['takes fractions', true],
  ['refuses what is not a duration', false],
];

/**
 * `node --test` in the sample repository: which tests pass depends on the regular expression that its source holds by
 * then, tried on what the test that fails at first is about. Other uses of node are refused.
 */
export const sampleNode: SimulatedProgram = async ({ args, tree, stdout, stderr }) => {
  if (args[0] !== '--test') {
    await stderr('node: only `node --test` is simulated here\n');
    return 9;
  }
  const { node } = tree.resolve(SOURCE);
  const source = node?.kind === 'file' ? node.bytes.toString('utf8') : '';
  const takesFractions = understandsFractions(source);
  const results = TESTS.map(([name, needsFractions]) => ({
    name,
    passed: takesFractions || !needsFractions,
  }));
  for (const { name, passed } of results) await stdout(`${passed ? '✔' : '✖'} ${name}\n`);
  const failed = results.filter(({ passed }) => !passed);
  await stdout(
    `ℹ tests ${results.length}\nℹ pass ${results.length - failed.length}\nℹ fail ${failed.length}\n`,
  );
  if (failed.length > 0) {
    await stdout(
      '\n✖ takes fractions\n  AssertionError: Expected values to be strictly equal:\n\n  18000000 !== 5400000\n',
    );
  }
  return failed.length === 0 ? 0 : 1;
};

/** `npm test` of the sample repository. */
export const sampleNpm: SimulatedProgram = async (context) => {
  if (context.args[0] === 'test') return sampleNode({ ...context, args: ['--test'] });
  await context.stderr('npm: only `npm test` is simulated here\n');
  return 1;
};

function understandsFractions(source: string): boolean {
  const pattern = /const PART = \/(.+)\/g;/.exec(source)?.[1];
  if (pattern === undefined) return false;
  try {
    const [whole, amount] = new RegExp(pattern).exec('1.5h') ?? [];
    return whole === '1.5h' && Number(amount) === 1.5;
  } catch {
    return false;
  }
}
