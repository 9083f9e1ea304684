import type { Task } from '@shadow/protocol';
import { ArrowUp, ListPlus, Square } from 'lucide-react';
import { usePreferences } from '../app/preferences.ts';
import { useViewport } from '../app/viewport.ts';
import { PromptBox } from '../composer/prompt-box.tsx';
import { nameOfRepository } from '../composer/repository-name.ts';
import { sizeOf } from '../composer/size-of.ts';
import { formatMoney } from '../formatting/numbers.ts';
import { Button } from '../ui/button.tsx';
import { Spinner } from '../ui/spinner.tsx';
import { useTaskActions } from './actions.ts';
import type { Outbox } from './outbox.ts';
import { isActive } from './status.ts';

const MODE_LABEL = { plan: 'Plan', ask: 'Ask', auto: 'Auto' } as const;

/** The composer of a task. While the agent works its button stops; with text in the box it queues. */
export function FollowUp({ task, offline, outbox }: { task: Task; offline: boolean; outbox: Outbox }) {
  const text = usePreferences(({ drafts }) => drafts[task.id] ?? '');
  const setDraft = usePreferences((prefs) => prefs.setDraft);
  const active = isActive(task.status);
  const archived = task.status === 'archived';
  const send = async () => {
    const message = text.trim();
    if (message === '' || archived) return;
    setDraft(task.id, '');
    // What the server did not take comes back, unless something new was typed meanwhile.
    if (!(await outbox.send(message, active)) && (usePreferences.getState().drafts[task.id] ?? '') === '') {
      setDraft(task.id, message);
    }
  };
  if (archived) {
    return (
      <p className="rounded-2xl border border-line bg-surface px-4 py-3 text-ink-2 text-sm">
        This task is archived: its conversation and its work are kept, its workspace is gone.
      </p>
    );
  }
  return (
    <>
      {outbox.error !== null && (
        <p
          id="send-error"
          role="alert"
          className="mb-2 rounded-xl bg-danger-soft px-3.5 py-2 text-del text-sm"
        >
          Not sent: {outbox.error}
        </p>
      )}
      <PromptBox
        value={text}
        onChange={(next) => setDraft(task.id, next)}
        onSend={() => void send()}
        label="Message to the agent"
        placeholder={active ? 'Queue a message for after this turn…' : 'What next?'}
        describedBy={outbox.error === null ? undefined : 'send-error'}
        footer={
          <>
            <Facts task={task} />
            <SendButton
              task={task}
              mode={text.trim() === '' ? (active ? 'stop' : 'send') : active ? 'queue' : 'send'}
              empty={text.trim() === ''}
              offline={offline}
              onSend={() => void send()}
            />
          </>
        }
      />
    </>
  );
}

function Facts({ task }: { task: Task }) {
  const narrow = useViewport() === 'narrow';
  const facts = [
    ...(narrow ? [] : [nameOfRepository(task.repository)]),
    task.model.replace(/^[^/]*\//, ''),
    MODE_LABEL[task.permissionMode],
    ...(task.resources === undefined ? [] : [sizeOf(task.resources)]),
    ...(task.budgetUsd === null
      ? []
      : [`${formatMoney(task.usage.costUsd ?? 0)} of ${formatMoney(task.budgetUsd)}`]),
  ];
  return (
    <p className="flex h-8 min-w-0 flex-1 items-center gap-x-3 overflow-hidden max-md:h-11 whitespace-nowrap px-2 text-ink-3 text-xs">
      {facts.map((fact) => (
        <span key={fact} className="min-w-0 truncate">
          {fact}
        </span>
      ))}
    </p>
  );
}

function SendButton(props: {
  task: Task;
  mode: 'send' | 'stop' | 'queue';
  empty: boolean;
  offline: boolean;
  onSend: () => void;
}) {
  const { stop } = useTaskActions(props.task.id);
  if (props.mode === 'stop') {
    return (
      <Button
        size="icon"
        data-testid="stop-button"
        aria-label="Stop"
        title={props.offline ? 'No connection: the task cannot be stopped from here right now' : 'Stop (Esc)'}
        disabled={props.offline || stop.isPending}
        onClick={() => stop.mutate()}
        className="size-8 rounded-[10px]"
      >
        {stop.isPending ? <Spinner /> : <Square aria-hidden className="!size-3 fill-current" />}
      </Button>
    );
  }
  const queue = props.mode === 'queue';
  return (
    <Button
      look="primary"
      size={queue ? 'small' : 'icon'}
      data-testid="composer-send"
      aria-label={queue ? undefined : 'Send'}
      disabled={props.empty}
      onClick={props.onSend}
      className={queue ? 'h-8 rounded-[10px]' : 'size-8 rounded-[10px]'}
    >
      {queue ? (
        <>
          <ListPlus aria-hidden className="size-4" /> Queue
        </>
      ) : (
        <ArrowUp aria-hidden />
      )}
    </Button>
  );
}
