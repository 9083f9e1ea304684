import type { TaskView } from '@shadow/client';
import { ShadowError } from '@shadow/protocol';
import { useMemo, useState } from 'react';
import { api } from '../server/clients.ts';

interface Outgoing {
  key: number;
  text: string;
  messageId: string | null;
  /** Sent while a turn was running: it waits for its end. */
  queued: boolean;
}

/** Messages on their way: shown at once, gone when the log has them. */
export interface Outbox {
  sending: readonly Outgoing[];
  error: string | null;
  /** Resolves to whether the server took it. */
  send: (text: string, queued: boolean) => Promise<boolean>;
}

let lastKey = 0;

/** The outgoing messages of a task. */
export function useOutbox(taskId: string, view: TaskView): Outbox {
  const [messages, setMessages] = useState<Outgoing[]>([]);
  const [error, setError] = useState<string | null>(null);
  const sending = useMemo(
    () =>
      messages.filter(
        ({ messageId }) => messageId === null || view.timeline.indexOf(`user:${messageId}`) === -1,
      ),
    [messages, view.timeline],
  );
  const send = async (text: string, queued: boolean) => {
    lastKey += 1;
    const key = lastKey;
    setError(null);
    setMessages([...sending, { key, text, messageId: null, queued }]);
    try {
      const { messageId } = await api.sendMessage({ params: { taskId }, body: { text } });
      setMessages((known) =>
        known.map((message) => (message.key === key ? { ...message, messageId } : message)),
      );
      return true;
    } catch (failure) {
      setMessages((known) => known.filter((message) => message.key !== key));
      setError(failure instanceof ShadowError ? failure.message : String(failure));
      return false;
    }
  };
  return { sending, error, send };
}
