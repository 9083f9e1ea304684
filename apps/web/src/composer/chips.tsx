import { SAMPLE_REPOSITORY } from '@shadow/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Box, FolderGit2, GitBranch, Globe, Package, Settings } from 'lucide-react';
import { branchesQuery, isDemoModel, modelsQuery, repositoriesQuery } from '../server/queries.ts';
import { Chip } from './chip.tsx';
import { PickerPopover } from './picker.tsx';
import type { Choice } from './picker-list.tsx';
import { nameOfRepository } from './repository-name.ts';

const REPOSITORY_ICONS = {
  sample: <Package aria-hidden className="text-ink-3" />,
  local: <FolderGit2 aria-hidden className="text-ink-3" />,
  remote: <Globe aria-hidden className="text-ink-3" />,
};

/** Picks the repository: the sample, recent ones, or any path or URL that is typed. */
export function RepositoryChip(props: { value: string; onChange: (source: string) => void }) {
  const { data, isPending, error } = useQuery(repositoriesQuery);
  const choices: Choice[] = (data ?? []).map(({ source, name, kind }) => ({
    value: source,
    label: name,
    hint: kind === 'sample' ? 'Bundled with Shadow, nothing to set up' : source,
    icon: REPOSITORY_ICONS[kind],
  }));
  return (
    <PickerPopover
      label="Repository"
      placeholder="Search, or paste a path or git URL"
      trigger={
        <Chip
          icon={<Box aria-hidden />}
          aria-label={`Repository: ${nameOfRepository(props.value)}`}
          className="max-w-56"
        >
          {nameOfRepository(props.value)}
        </Chip>
      }
      className="w-96"
      choices={choices}
      value={props.value}
      onPick={props.onChange}
      freeText={{ label: (text) => `Use ${text}`, accepts: (text) => /[/:\\]/.test(text) }}
      isLoading={isPending}
      empty={error?.message ?? 'No match. Paste an absolute path or a git URL.'}
    />
  );
}

/** Picks the base branch; says what is wrong when the repository cannot be read. */
export function BranchChip(props: {
  repository: string;
  value: string | null;
  onChange: (branch: string | null) => void;
}) {
  const { data, isPending, error } = useQuery(branchesQuery(props.repository));
  const shown = props.value ?? data?.defaultBranch ?? (isPending ? '…' : 'default branch');
  return (
    <PickerPopover
      label="Base branch"
      placeholder="Search branches"
      trigger={
        <Chip
          icon={<GitBranch aria-hidden />}
          aria-label={error === null ? `Base branch: ${shown}` : 'Branches could not be read'}
          {...(error === null ? {} : { tone: 'warning' as const, title: error.message })}
          className="max-w-44"
        >
          {error === null ? shown : 'cannot read'}
        </Chip>
      }
      choices={(data?.branches ?? []).map((name) => ({
        value: name,
        label: name,
        hint: name === data?.defaultBranch ? 'default' : undefined,
      }))}
      value={props.value ?? data?.defaultBranch ?? null}
      onPick={(name) => props.onChange(name === data?.defaultBranch ? null : name)}
      isLoading={isPending}
      empty={error?.message ?? 'No branch by that name.'}
    />
  );
}

/** Picks the model. Those that cannot be used are listed with the reason. */
export function ModelChip(props: { value: string | null; onChange: (model: string) => void }) {
  const { data, isPending, error } = useQuery(modelsQuery);
  const models = data?.models ?? [];
  const chosen = models.find(({ id }) => id === props.value);
  const choices: Choice[] = [...models]
    .sort((a, b) => Number(b.available) - Number(a.available))
    .map((model) => ({
      value: model.id,
      label: isDemoModel(model) ? 'Demo (scripted)' : model.name,
      hint: model.available
        ? isDemoModel(model)
          ? 'No key needed: real tools, a prepared script'
          : priceOf(model.pricing, model.provider)
        : (model.unavailableReason ?? 'Not available'),
      disabled: !model.available,
    }));
  const name =
    chosen === undefined
      ? isPending
        ? '…'
        : 'Model'
      : isDemoModel(chosen)
        ? 'Demo (scripted)'
        : chosen.name;
  return (
    <PickerPopover
      label="Model"
      placeholder="Search models"
      trigger={
        <Chip icon={<ModelIcon />} aria-label={`Model: ${name}`} className="max-w-52">
          {name}
        </Chip>
      }
      choices={choices}
      value={props.value}
      onPick={props.onChange}
      isLoading={isPending}
      empty={error?.message ?? 'No model by that name.'}
      footer={
        <Link
          to="/settings"
          className="flex h-9 items-center gap-2.5 border-t px-3.5 text-ink-2 text-xs hover:bg-hover hover:text-ink max-md:h-11"
        >
          <Settings className="size-3.5" aria-hidden /> Add a key or a local model
        </Link>
      }
    />
  );
}

function ModelIcon() {
  return (
    <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.3" aria-hidden="true">
      <path
        d="M8 1.500 9.600 6.400 14.500 8 9.600 9.600 8 14.500 6.400 9.600 1.500 8 6.400 6.400Z"
        strokeLinejoin="round"
      />
    </svg>
  );
}

function priceOf(pricing: { input: number; output: number } | null, provider: string): string {
  if (pricing === null) return provider;
  return `${provider} · $${pricing.input} in, $${pricing.output} out per million tokens`;
}

/** The repository that a fresh composer starts with. */
export const DEFAULT_REPOSITORY = SAMPLE_REPOSITORY;
