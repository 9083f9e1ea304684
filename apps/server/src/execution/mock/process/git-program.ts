import { type GitOperations, unwrap } from '@shadow/protocol';
import type { SimulatedProgram } from './program.ts';

/** `git status` and `git log` of a simulated repository, in their short forms. */
export function gitProgram(git: GitOperations): SimulatedProgram {
  return async ({ args, stdout, stderr }) => {
    const [command, ...options] = args;
    try {
      if (command === 'status') await stdout(await shortStatus(git, options.includes('--branch')));
      else if (command === 'log') await stdout(await onelineLog(git, options));
      else {
        await stderr(`git: ${command ?? ''} is not simulated; status and log are\n`);
        return 1;
      }
      return 0;
    } catch (thrown) {
      await stderr(`fatal: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
      return 128;
    }
  };
}

async function shortStatus(git: GitOperations, showsBranch: boolean): Promise<string> {
  const { branch, files } = unwrap(await git.gitStatus());
  const lines = files.map(({ path, index, workingTree }) =>
    `${index}${workingTree} ${path}`.replaceAll('.', (dot, at: number) => (at < 2 ? ' ' : dot)),
  );
  return [...(showsBranch ? [`## ${branch ?? 'HEAD (no branch)'}`] : []), ...lines]
    .map((line) => `${line}\n`)
    .join('');
}

async function onelineLog(git: GitOperations, options: readonly string[]): Promise<string> {
  const count = options.map((option) => /^-(\d+)$/.exec(option)?.[1]).find((found) => found !== undefined);
  const { commits } = unwrap(await git.gitLog(count === undefined ? {} : { limit: Number(count) }));
  return commits.map(({ commit, subject }) => `${commit.slice(0, 7)} ${subject}\n`).join('');
}
