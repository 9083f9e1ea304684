import { ShadowError } from '@shadow/protocol';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ArrowUp } from 'lucide-react';
import { usePreferences } from '../app/preferences.ts';
import { ScreenHeader } from '../app/screen-header.tsx';
import { UserText } from '../chat/user-text.tsx';
import { api } from '../server/clients.ts';
import { isDemoModel, meQuery, modelsQuery, putTask, tasksQuery } from '../server/queries.ts';
import { Button } from '../ui/button.tsx';
import { Spinner } from '../ui/spinner.tsx';
import { BudgetChip } from './budget-chip.tsx';
import { BranchChip, DEFAULT_REPOSITORY, ModelChip, RepositoryChip } from './chips.tsx';
import { Examples } from './examples.tsx';
import { KeyBanner } from './key-banner.tsx';
import { ModeChip } from './mode-chip.tsx';
import { PromptBox } from './prompt-box.tsx';
import { ResourcesChip } from './resources-chip.tsx';
import { useBranchChoice } from './use-branch-choice.ts';

/** The composer of a new task. */
export function HomePage() {
  const prefs = usePreferences();
  const navigate = useNavigate();
  const models = useQuery(modelsQuery);
  const tasks = useQuery(tasksQuery);
  // What was chosen for another installation is not asked of one that cannot hold a task to it.
  const isSizable = useQuery(meQuery).data?.capabilities.taskResources === true;
  const resources = isSizable ? prefs.resources : null;
  const text = prefs.drafts.home ?? '';
  const repository = prefs.repository ?? DEFAULT_REPOSITORY;
  const [branch, setBranch] = useBranchChoice(repository);
  const available = (models.data?.models ?? []).filter((model) => model.available);
  const model = available.find(({ id }) => id === prefs.model)?.id ?? models.data?.defaultModel ?? null;

  const create = useMutation({
    mutationFn: (prompt: string) =>
      api.createTask({
        body: {
          repository,
          prompt,
          permissionMode: prefs.permissionMode,
          ...(branch === null ? {} : { baseBranch: branch }),
          ...(model === null ? {} : { model }),
          ...(prefs.budgetUsd === null ? {} : { budgetUsd: prefs.budgetUsd }),
          ...(resources === null ? {} : { resources }),
        },
      }),
    onSuccess: (task) => {
      putTask(task);
      prefs.setDraft('home', '');
      void navigate({ to: '/tasks/$taskId', params: { taskId: task.id } });
    },
  });
  const send = () => {
    if (text.trim() !== '' && !create.isPending) create.mutate(text.trim());
  };

  return (
    <main className="flex h-full min-h-0 flex-col">
      <ScreenHeader title="" />
      {create.isPending || create.isSuccess ? (
        <Sent text={create.variables ?? ''} />
      ) : (
        <div className="min-h-0 flex-1 overflow-y-auto">
          <div className="mx-auto flex min-h-full max-w-[760px] flex-col justify-center px-5 pt-4 pb-[14vh] max-md:px-4 max-md:pb-6">
            <h1 className="mb-5 text-center font-semibold text-[24px] leading-8 tracking-[-0.02em]">
              What should be done?
            </h1>
            {create.error instanceof ShadowError && (
              <p
                id="composer-error"
                role="alert"
                className="mb-2 rounded-xl bg-danger-soft px-3.5 py-2 text-del text-sm"
              >
                {create.error.message}
              </p>
            )}
            <PromptBox
              value={text}
              onChange={(next) => prefs.setDraft('home', next)}
              onSend={send}
              autoFocus
              rows={3}
              label="What should be done"
              placeholder="Describe a change, a bug or a question…"
              describedBy={create.isError ? 'composer-error' : undefined}
              footer={
                <>
                  <div className="flex min-h-8 min-w-0 flex-1 flex-wrap items-center gap-x-0.5 max-md:gap-y-0">
                    <RepositoryChip
                      value={repository}
                      onChange={(source) => prefs.set({ repository: source })}
                    />
                    <BranchChip repository={repository} value={branch} onChange={setBranch} />
                    <ModelChip value={model} onChange={(id) => prefs.set({ model: id })} />
                    <ModeChip
                      value={prefs.permissionMode}
                      onChange={(permissionMode) => prefs.set({ permissionMode })}
                    />
                    <BudgetChip value={prefs.budgetUsd} onChange={(budgetUsd) => prefs.set({ budgetUsd })} />
                    {isSizable && (
                      <ResourcesChip value={resources} onChange={(size) => prefs.set({ resources: size })} />
                    )}
                  </div>
                  <Button
                    look="primary"
                    size="icon"
                    data-testid="composer-send"
                    aria-label="Start the task"
                    disabled={text.trim() === ''}
                    onClick={send}
                    className="size-8 self-end rounded-[10px]"
                  >
                    <ArrowUp aria-hidden />
                  </Button>
                </>
              }
            />
            {models.data !== undefined && available.every(isDemoModel) && <KeyBanner />}
            {tasks.data?.length === 0 && text === '' && (
              <Examples onPick={(prompt) => prefs.setDraft('home', prompt)} />
            )}
          </div>
        </div>
      )}
    </main>
  );
}

/** What was sent, at once, while the server makes the task of it. */
function Sent({ text }: { text: string }) {
  return (
    <div className="mx-auto w-full max-w-[760px] flex-1 space-y-5 px-5 py-6">
      <UserText text={text} />
      <p role="status" className="flex items-center gap-2 text-ink-3 text-sm">
        <Spinner /> Creating the task…
      </p>
    </div>
  );
}
