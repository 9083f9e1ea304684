import type { Task } from '@shadow/protocol';
import { useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { isTyping } from '../app/keyboard.ts';
import { ChatLog } from '../chat/chat-log.tsx';
import { UserText } from '../chat/user-text.tsx';
import type { FollowedTask } from '../server/task-store.ts';
import { useTaskActions } from './actions.ts';
import { ApprovalCard } from './approval-card.tsx';
import { FollowUp } from './follow-up.tsx';
import { useOutbox } from './outbox.ts';
import { isActive } from './status.ts';
import { TaskHeader } from './task-header.tsx';
import { TodoStrip } from './todo-strip.tsx';
import { Working } from './working.tsx';

/** The talk with the agent: header, log, and what is docked above the composer. */
export function ChatPane({ task, followed }: { task: Task; followed: FollowedTask }) {
  const { view } = followed;
  const link = useRouterState({ select: ({ location }) => location.hash });
  const outbox = useOutbox(task.id, view);
  const offline = followed.state === 'offline';
  const active = isActive(task.status);
  const approval = view.pendingApprovals[0];
  const { stop } = useTaskActions(task.id);
  useInterrupt(active && !offline && approval === undefined, () => stop.mutate());

  return (
    <main className="flex h-full min-h-0 flex-col">
      <TaskHeader task={task} offline={offline} />
      <ChatLog
        key={task.id}
        view={view}
        taskId={task.id}
        canRetry={task.status === 'failed' && !offline}
        budgetUsd={task.budgetUsd}
        link={decodeURIComponent(link)}
        tail={
          <>
            {outbox.sending.map((message) => (
              <div key={message.key} className="pt-8">
                <UserText text={message.text} pending note={<SendingNote queued={message.queued} />} />
              </div>
            ))}
            <Working view={view} status={task.status} offline={offline} />
          </>
        }
      />
      <div className="mx-auto w-full max-w-[760px] shrink-0 px-5 pb-4 max-md:px-3 max-md:pb-3">
        {view.todo.length > 0 && <TodoStrip items={view.todo} active={active} />}
        {approval !== undefined && (
          <ApprovalCard
            key={approval.id}
            approval={approval}
            more={view.pendingApprovals.length - 1}
            offline={offline}
          />
        )}
        <FollowUp task={task} offline={offline} outbox={outbox} />
      </div>
    </main>
  );
}

function SendingNote({ queued }: { queued: boolean }) {
  return <p className="text-2xs text-ink-3">{queued ? 'Queued · after this turn' : 'Sending…'}</p>;
}

/** Esc interrupts, unless it was meant for a field, a menu or a dialog. */
function useInterrupt(enabled: boolean, interrupt: () => void): void {
  useEffect(() => {
    if (!enabled) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented && !isTyping(event)) interrupt();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  });
}
