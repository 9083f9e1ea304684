import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Connections } from '../src/http/connections.ts';
import { EarlyListener } from '../src/http/early-listener.ts';

const ADDRESS = { host: '127.0.0.1', port: 0 };

/** A connection on which a question has been asked. */
async function ask(port: number, path: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: sidecar\r\nConnection: close\r\n\r\n`);
  return socket;
}

describe('a listener that is there before its server', () => {
  it('lets who asks wait, and the server answers them and everybody after', async () => {
    const listener = await EarlyListener.listen(ADDRESS);
    const early = await Promise.all(['/a', '/b', '/c'].map((path) => ask(listener.port, path)));
    const server = createServer((request, response) => response.end(`to ${request.url}`));
    await listener.handTo(server);
    const late = await ask(listener.port, '/d');
    const answers = await Promise.all([...early, late].map((socket) => text(socket)));
    expect(answers.map((answer) => answer.slice(-5))).toEqual(['to /a', 'to /b', 'to /c', 'to /d']);
    expect((server.address() as AddressInfo).port).toBe(listener.port);
    await new Promise((resolve) => server.close(resolve));
  });

  it('forgets who gave up before', async () => {
    const listener = await EarlyListener.listen(ADDRESS);
    const [gone, patient] = await Promise.all([ask(listener.port, '/gone'), ask(listener.port, '/patient')]);
    gone.resetAndDestroy();
    const server = createServer((request, response) => response.end(`to ${request.url}`));
    await listener.handTo(server);
    expect(await text(patient)).toMatch(/to \/patient$/);
    await new Promise((resolve) => server.close(resolve));
  });

  it('has its calls finished by a server that ends', async () => {
    const listener = await EarlyListener.listen(ADDRESS);
    const early = await ask(listener.port, '/slow');
    let finish = () => {};
    const server: Server = createServer((_request, response) => {
      response.write('begun, ');
      finish = () => response.end('finished');
    });
    const connections = new Connections(server);
    const begun = once(server, 'request');
    await listener.handTo(server);
    await begun;
    const closed = connections.close(30_000);
    let isClosed = false;
    void closed.then(() => {
      isClosed = true;
    });
    await expect(ask(listener.port, '/late')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(isClosed).toBe(false);
    finish();
    expect(await text(early)).toContain('finished');
    await closed;
  });

  it('says which port it cannot have', async () => {
    await using other = createTcpServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(EarlyListener.listen({ ...ADDRESS, port })).rejects.toThrow(
      `address already in use 127.0.0.1:${port}`,
    );
  });
});
