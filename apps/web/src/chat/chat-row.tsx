import { memo } from 'react';
import { AgentText, Reasoning } from './agent-text.tsx';
import { ExploredRow } from './explored-row.tsx';
import { Commit, Notice, TurnEnd } from './notices.tsx';
import type { ChatRow } from './rows.ts';
import { StartUp } from './start-up.tsx';
import { ToolRow } from './tool-row.tsx';
import { UserText } from './user-text.tsx';

/** One row of the chat. */
export const ChatRowView = memo(function ChatRowView(props: {
  row: ChatRow;
  taskId: string;
  isLast: boolean;
  canRetry: boolean;
  budgetUsd: number | null;
}) {
  const { row, taskId } = props;
  if (row.kind === 'tool') return <ToolRow call={row.call} taskId={taskId} />;
  if (row.kind === 'explored') return <ExploredRow calls={row.calls} taskId={taskId} />;
  if (row.kind === 'start-up') return <StartUp steps={row.steps} taskId={taskId} canRetry={props.canRetry} />;
  const { item } = row;
  switch (item.kind) {
    case 'user-message':
      return <UserText text={item.text} />;
    case 'text':
      return <AgentText item={item} />;
    case 'reasoning':
      return <Reasoning item={item} taskId={taskId} />;
    case 'notice':
      return <Notice item={item} />;
    case 'commit':
      return <Commit item={item} />;
    case 'turn-finished':
      return <TurnEnd item={item} taskId={taskId} isLast={props.isLast} budgetUsd={props.budgetUsd} />;
  }
});
