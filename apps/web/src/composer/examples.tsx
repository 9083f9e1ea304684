import { Bug, FlaskConical, Map as MapIcon } from 'lucide-react';

const EXAMPLES = [
  {
    Icon: Bug,
    title: 'Fix a failing test',
    prompt: 'Run the tests, find out why one fails, and fix the cause.',
  },
  {
    Icon: FlaskConical,
    title: 'Add what is missing',
    prompt: 'Find a function without tests, write tests for it, and fix what they show.',
  },
  {
    Icon: MapIcon,
    title: 'Explain the code',
    prompt: 'Read the code and write an ARCHITECTURE.md that explains how its parts fit together.',
  },
] as const;

/** Three prompts that work on any repository, for a first run. */
export function Examples({ onPick }: { onPick: (prompt: string) => void }) {
  return (
    <ul aria-label="Examples" className="mt-4 grid grid-cols-3 gap-2 max-md:grid-cols-1">
      {EXAMPLES.map(({ Icon, title, prompt }) => (
        <li key={title}>
          <button
            type="button"
            data-testid="example"
            onClick={() => {
              onPick(prompt);
              document.getElementById('prompt')?.focus();
            }}
            className="flex h-full w-full flex-col gap-1 rounded-xl border border-line px-3.5 py-3 text-left transition-colors hover:border-line-strong hover:bg-hover"
          >
            <span className="flex items-center gap-2 font-medium text-sm">
              <Icon className="size-3.5 text-ink-3" aria-hidden />
              {title}
            </span>
            <span className="text-ink-3 text-xs">{prompt}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
