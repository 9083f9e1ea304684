import type { Scene } from './playbook.ts';
import type { ScriptStep } from './script.ts';

const NOTE = 'SHADOW_DEMO.md';

/** Looks around in a repository that it does not know, leaves a note with what it found, shows git's view of it. */
export function playTour(scene: Scene): ScriptStep | null {
  const listing = scene.played[0];
  if (listing === undefined || listing.isError) {
    return scene.position === 1
      ? { text: `I could not list the repository. ${listing?.output ?? ''}` }
      : null;
  }
  const facts = factsOf(listing.output);
  const step = tourSteps[scene.position - 1];
  return step?.(facts, scene) ?? null;
}

interface Facts {
  entries: number;
  topLevel: string[];
  readme: string | undefined;
  hasNote: boolean;
}

const tourSteps: readonly ((facts: Facts, scene: Scene) => ScriptStep | null)[] = [
  (facts) => ({
    text: `${describe(facts)} ${facts.readme === undefined ? 'I see no README at the top; I will search for one.' : 'I will read the README.'}`,
    calls: [
      facts.readme === undefined
        ? { tool: 'searchFiles', input: { query: 'README' } }
        : { tool: 'readFile', input: { path: facts.readme, endLine: 60 } },
    ],
  }),
  (facts, scene) => {
    const about = aboutOf(scene, facts);
    if (facts.hasNote)
      return { text: `${about} ${NOTE} is here already, so I leave it alone.`, calls: [gitStatus] };
    return {
      text: `${about} I will leave a note of what I saw.`,
      calls: [{ tool: 'writeFile', input: { path: NOTE, content: noteOf(facts, about) } }],
    };
  },
  (facts, scene) => (facts.hasNote ? finish(scene) : { text: "And git's view of it.", calls: [gitStatus] }),
  (facts, scene) => (facts.hasNote ? null : finish(scene)),
];

const gitStatus = { tool: 'executeCommand', input: { command: 'git status --short --branch' } };

function finish({ played }: Scene): ScriptStep {
  const write = played.find(({ tool }) => tool === 'writeFile');
  const status = played.find(({ tool }) => tool === 'executeCommand');
  const wrote =
    write === undefined
      ? `${NOTE} was here before and is unchanged.`
      : write.isError
        ? `The note was not written: ${firstLine(write.output)}`
        : `I wrote ${NOTE}; it is the only change.`;
  const git =
    status === undefined || status.isError
      ? `git was not asked: ${firstLine(status?.output ?? 'it did not run')}`
      : 'What git says of it stands above.';
  return {
    text: `That is all the scripted demo does in a repository it does not know. ${wrote} ${git}

To let a model do real work here, add a provider's key or a local endpoint in the settings.`,
  };
}

/** Reads the listing as listDirectory renders it: directories end with "/", files carry their size. */
function factsOf(listing: string): Facts {
  const paths = listing
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('[') && line !== '(empty)')
    .map((line) => line.replace(/ {2}[[(][^()[\]]*[\])]$/, ''));
  const topLevel = paths.filter((path) => !path.slice(0, -1).includes('/'));
  return {
    entries: paths.length,
    topLevel,
    readme: topLevel.find((path) => /^readme(\.[a-z]+)?$/i.test(path)),
    hasNote: topLevel.includes(NOTE),
  };
}

function describe({ entries, topLevel }: Facts): string {
  if (entries === 0) return 'The repository is empty.';
  const shown = topLevel.slice(0, 8).map((path) => `\`${path}\``);
  const more = topLevel.length > shown.length ? ` and ${topLevel.length - shown.length} more` : '';
  return `At the top there are ${shown.join(', ')}${more}.`;
}

function aboutOf({ played }: Scene, { readme }: Facts): string {
  const read = played[1];
  if (read === undefined || read.isError) return 'The README could not be read.';
  if (readme === undefined) {
    return read.output === 'No file matches.'
      ? 'There is no README.'
      : `There is \`${firstLine(read.output)}\`.`;
  }
  const heading = /^\s*\d+\t#+\s+(.+)$/m.exec(read.output)?.[1];
  return heading === undefined ? `${readme} has no heading.` : `${readme} is headed "${heading.trim()}".`;
}

function noteOf(facts: Facts, about: string): string {
  return `# Seen by Shadow's demo\n\n${about}\n\n${describe(facts)}\n\nThis file was written by the scripted demo; delete it if you like.\n`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
