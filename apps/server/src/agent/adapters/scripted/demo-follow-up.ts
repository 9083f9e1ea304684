import type { PlayedCall, Scene } from './playbook.ts';
import type { ScriptStep } from './script.ts';

/** Answers a later message: says plainly what it is, searches for a word of the message, shows where the work stands. */
export function playFollowUp(scene: Scene): ScriptStep | null {
  const word = searchWord(scene.prompt);
  if (scene.position === 0) {
    return {
      text: `I am the scripted demo and cannot understand that, but I can look.${word === null ? '' : ` I will search for "${word}" and`} ${word === null ? 'I will' : ''} see where the work stands.`.replace(
        / {2,}/g,
        ' ',
      ),
      calls: [
        ...(word === null
          ? []
          : [
              {
                tool: 'grepSearch',
                input: { pattern: word, literal: true, caseSensitive: false, limit: 20 },
              },
            ]),
        { tool: 'executeCommand', input: { command: 'git status --short --branch && git log --oneline -5' } },
      ],
    };
  }
  if (scene.position > 1) return null;
  const search = scene.played.find(({ tool }) => tool === 'grepSearch');
  const git = scene.played.find(({ tool }) => tool === 'executeCommand');
  return {
    text: `${word === null ? '' : `${found(word, search)} `}${standing(git)}

With a model connected (a provider's key or a local endpoint, in the settings) a new task would act on your words.`,
  };
}

/** The longest word of a message, as the one most likely to be worth a search. */
function searchWord(prompt: string): string | null {
  const words = prompt.match(/[\p{L}_][\p{L}\p{N}_-]{3,39}/gu) ?? [];
  return words.reduce<string | null>((best, word) => (word.length > (best?.length ?? 0) ? word : best), null);
}

function found(word: string, search: PlayedCall | undefined): string {
  if (search === undefined || search.isError) return `The search for "${word}" failed.`;
  if (search.output === 'No match.') return `"${word}" does not occur in the repository.`;
  const files = search.output.split('\n\n').length;
  return `"${word}" occurs in ${files === 1 ? 'one file' : `${files} files`}; the search above shows where.`;
}

function standing(git: PlayedCall | undefined): string {
  if (git === undefined || git.isError) return `git was not asked: ${git?.output.split('\n', 1)[0] ?? ''}`;
  return git.output.startsWith('Exit code 0.')
    ? "git's state and the last commits stand above."
    : 'git had nothing to tell; its message stands above.';
}
