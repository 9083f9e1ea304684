import type { Approval } from '@shadow/protocol';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { isTyping } from '../app/keyboard.ts';
import { TOOL_VERB, ToolIcon } from '../chat/tool-icon.tsx';
import { api } from '../server/clients.ts';
import { Button } from '../ui/button.tsx';
import { Kbd } from '../ui/kbd.tsx';
import { tell } from './actions.ts';
import { ApprovalInput } from './approval-input.tsx';

type Answer = { decision: 'allow' | 'deny'; scope?: 'once' | 'task'; note?: string };

/** A question of the agent: the exact command or edit, why it is asked, and the answers. */
export function ApprovalCard(props: { approval: Approval; more: number; offline: boolean }) {
  const { approval, offline } = props;
  const card = useRef<HTMLElement>(null);
  const [denying, setDenying] = useState(false);
  const [note, setNote] = useState('');
  const answer = useMutation({
    mutationFn: (body: Answer) =>
      api.answerApproval({ params: { taskId: approval.taskId, approvalId: approval.id }, body }),
    onError: (error) => tell('Your answer did not arrive', error),
  });
  const waiting = answer.isPending || answer.isSuccess;
  const allow = (scope: 'once' | 'task') => answer.mutate({ decision: 'allow', scope });
  const deny = () =>
    answer.mutate({ decision: 'deny', ...(note.trim() === '' ? {} : { note: note.trim() }) });

  useEffect(() => {
    // Someone who is writing keeps the keyboard; anyone else can answer at once.
    const active = document.activeElement;
    const writing = active instanceof HTMLTextAreaElement && active.value !== '';
    if (!writing) card.current?.focus({ preventScroll: true });
  }, []);
  useAnswerKeys(
    !waiting && !offline && !denying,
    () => allow('once'),
    () => setDenying(true),
  );

  return (
    <section
      ref={card}
      tabIndex={-1}
      role="alertdialog"
      aria-label={`The agent asks: ${TOOL_VERB[approval.tool] ?? approval.tool}`}
      aria-describedby={`reason-${approval.id}`}
      data-testid="approval-card"
      className="motion-pop mb-2 overflow-hidden rounded-2xl border border-amber-line bg-amber-soft outline-none focus-visible:ring-2 focus-visible:ring-amber-fill/40"
    >
      <div className="px-4 pt-3">
        <p className="flex items-center gap-2 text-sm">
          <ToolIcon tool={approval.tool} />
          <span className="font-medium text-amber">{titleOf(approval.tool)}</span>
          {props.more > 0 && <span className="ml-auto text-ink-3 text-xs">and {props.more} more</span>}
        </p>
        <ApprovalInput approval={approval} />
        <p id={`reason-${approval.id}`} className="mt-2 text-ink-2 text-xs">
          {approval.reason}
        </p>
      </div>
      {denying ? (
        <form
          className="flex flex-wrap gap-2 px-4 pt-2.5 pb-3.5"
          onSubmit={(event) => {
            event.preventDefault();
            deny();
          }}
        >
          <input
            // biome-ignore lint/a11y/noAutofocus: the person just asked for this field
            autoFocus
            aria-label="Why not, or what instead"
            placeholder="Why not, or what instead (optional)"
            value={note}
            maxLength={2000}
            onChange={(event) => setNote(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Escape') return;
              setDenying(false);
              card.current?.focus();
            }}
            className="h-8 min-w-0 flex-1 rounded-md border border-line-strong bg-raised px-2.5 text-sm outline-none focus:border-accent max-md:h-11"
          />
          <Button type="submit" disabled={waiting || offline}>
            Deny
          </Button>
          <Button look="ghost" onClick={() => setDenying(false)}>
            Back
          </Button>
        </form>
      ) : (
        <div className="flex flex-wrap items-center gap-2 px-4 pt-2.5 pb-3.5">
          <Button look="primary" disabled={waiting || offline} onClick={() => allow('once')}>
            Allow once <Kbd>⏎</Kbd>
          </Button>
          <Button disabled={waiting || offline} onClick={() => allow('task')}>
            Allow for this task
          </Button>
          <Button look="ghost" disabled={waiting || offline} onClick={() => setDenying(true)}>
            Deny… <Kbd>Esc</Kbd>
          </Button>
          {offline && (
            <span className="text-ink-3 text-xs">No connection; answers wait until it is back.</span>
          )}
        </div>
      )}
    </section>
  );
}

function titleOf(tool: string): string {
  if (tool === 'executeCommand') return 'Run this command?';
  if (tool === 'writeFile') return 'Write this file?';
  if (tool === 'searchReplace') return 'Make this edit?';
  if (tool === 'deleteFile') return 'Delete this file?';
  return `Allow ${tool}?`;
}

/** Enter allows and Esc denies, unless the key was meant for a field or another button. */
function useAnswerKeys(enabled: boolean, allow: () => void, deny: () => void): void {
  useEffect(() => {
    if (!enabled) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.repeat || isTyping(event)) return;
      const onButton = event.target instanceof Element && event.target.closest('button, a') !== null;
      if (event.key === 'Enter' && !onButton) {
        event.preventDefault();
        allow();
      } else if (event.key === 'Escape') {
        event.preventDefault();
        deny();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  });
}
