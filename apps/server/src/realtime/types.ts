import type { ClientToServer, ServerToClient } from '@shadow/protocol';
import type { DefaultEventsMap, Server, Socket } from 'socket.io';
import type { Principal } from '../access/principal.ts';
import type { Outbox } from './outbox.ts';

/** What a socket has from its handshake on. */
export interface SocketData {
  principal: Principal;
  outbox: Outbox;
  /** Aborts when the socket is gone. */
  closed: AbortSignal;
}

export type RealtimeServer = Server<ClientToServer, ServerToClient, DefaultEventsMap, SocketData>;
export type RealtimeSocket = Socket<ClientToServer, ServerToClient, DefaultEventsMap, SocketData>;

/** Room of everyone who has caught up with a task. */
export const taskRoom = (taskId: string) => `task:${taskId}`;
/** Room of a user's sockets. */
export const userRoom = (userId: string) => `user:${userId}`;
