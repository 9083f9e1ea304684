import { describe } from 'vitest';
import { actingAtOnce } from './acting-at-once.ts';
import { backgroundProcesses } from './background-processes.ts';
import { bundling } from './bundling.ts';
import { cloning } from './cloning.ts';
import { confiningPaths } from './confining-paths.ts';
import { endingCommands } from './ending-commands.ts';
import { hidingCredentials } from './hiding-credentials.ts';
import { pushing } from './pushing.ts';
import { readingFiles } from './reading-files.ts';
import { readingOutput } from './reading-output.ts';
import { RemoteSubject } from './remote-subject.ts';
import { repeatingCalls, repeatingGitCalls } from './repeating-calls.ts';
import { replacingText } from './replacing-text.ts';
import { runningCommands } from './running-commands.ts';
import { searching } from './searching.ts';
import { SharedSubject } from './shared-subject.ts';
import type { OpenRemotes, SetUp } from './subject.ts';
import { tellingUsage } from './telling-usage.ts';
import { transferringBytes } from './transferring-bytes.ts';
import { usingGit } from './using-git.ts';
import { usingGitBeforeTheFirstCommit, usingGitWithoutRepository } from './using-git-elsewhere.ts';
import { watchingFiles } from './watching-files.ts';
import { workingOnTrees } from './working-on-trees.ts';
import { writingFiles } from './writing-files.ts';

export type { GitRemotes, OpenRemotes, RepositoryState, SeedFiles, SetUp } from './subject.ts';

/** How much of the suite runs. */
export interface ConformanceOptions {
  /** `representative` leaves out what hardly hangs on where commands and files are; default `all`. */
  parts?: 'all' | 'representative';
  /** Opens the git server that cloning and pushing are tried with; without one they are left out. */
  remotes?: OpenRemotes;
}

/**
 * The contract of a ToolExecutor as tests: every mode passes all of them. What a mode does not do it declares in its
 * capabilities, and that is asserted too. The suite never asks which mode it runs on.
 *
 * @param name of what is tested
 * @param setUp makes a workspace; called three or four times
 */
export function describeToolExecutor(
  name: string,
  setUp: SetUp,
  { parts = 'all', remotes }: ConformanceOptions = {},
): void {
  describe(name, () => {
    describe('in a plain directory', () => {
      const shared = SharedSubject.use(setUp, 'none');
      describe('writing files', () => writingFiles(shared));
      describe('transferring bytes', () => transferringBytes(shared));
      describe('confining paths', () => confiningPaths(shared));
      describe('running commands', () => runningCommands(shared));
      describe('ending commands', () => endingCommands(shared));
      describe('background processes', () => backgroundProcesses(shared));
      describe('telling usage', () => tellingUsage(shared));
      if (parts === 'all') lessDependent(shared);
    });
    describe('in a repository', () => {
      const shared = SharedSubject.use(setUp, 'committed');
      describe('using git', () => usingGit(shared));
      describe('repeating git calls', () => repeatingGitCalls(shared));
    });
    describe('in a repository without a commit', () => {
      const shared = SharedSubject.use(setUp, 'empty');
      describe('using git', () => usingGitBeforeTheFirstCommit(shared));
    });
    if (remotes === undefined) return;
    describe('with a git server', () => {
      const shared = RemoteSubject.open(setUp, remotes);
      describe('cloning', () => cloning(shared));
      describe('pushing', () => pushing(shared));
      describe('bundling', () => bundling(shared));
      describe('hiding credentials', () => hidingCredentials(shared));
    });
  });
}

/** What hardly hangs on who owns the files and what is around the commands. */
function lessDependent(shared: SharedSubject): void {
  describe('reading files', () => readingFiles(shared));
  describe('replacing text', () => replacingText(shared));
  describe('working on trees', () => workingOnTrees(shared));
  describe('searching', () => searching(shared));
  describe('reading output', () => readingOutput(shared));
  describe('acting at once', () => actingAtOnce(shared));
  describe('watching files', () => watchingFiles(shared));
  describe('repeating calls', () => repeatingCalls(shared));
  describe('using git without a repository', () => usingGitWithoutRepository(shared));
}
