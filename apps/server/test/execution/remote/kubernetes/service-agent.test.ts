import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Addresses, ServiceAgent } from '../../../../src/execution/remote/kubernetes/service-agent.ts';

/** Tells everybody from which port they came. */
const server = createServer((asked, response) => response.end(String(asked.socket.remotePort)));
let port: number;

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => server.close());

async function ask(agent: ServiceAgent): Promise<string> {
  const asked = request({ agent, host: 'sidecar', path: '/' }).end();
  const [response] = await once(asked, 'response');
  const answer = await text(response);
  // Only now the agent knows what to do with the connection.
  await new Promise((resolve) => setImmediate(resolve));
  return answer;
}

/** An agent whose sidecar has no address at first, and what was forwarded by it. */
function agentOf() {
  let known: Addresses = [];
  const forwarded: string[] = [];
  const agent = new ServiceAgent(
    port,
    () => known,
    async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      forwarded.push(String(socket.localPort));
      return socket;
    },
  );
  return { agent, forwarded, learn: (addresses: Addresses) => (known = addresses) };
}

it('goes another way while the sidecar has no address, over one connection', async () => {
  const { agent, forwarded } = agentOf();
  const answers = [await ask(agent), await ask(agent)];
  expect(answers).toEqual([forwarded[0], forwarded[0]]);
  expect(forwarded).toHaveLength(1);
  agent.destroy();
});

it('uses the address once there is one, and lets the other way go', async () => {
  const { agent, forwarded, learn } = agentOf();
  await ask(agent);
  learn(['127.0.0.1']);
  // The connection that is there carries one more call.
  expect(await ask(agent)).toBe(forwarded[0]);
  const direct = await ask(agent);
  expect(forwarded).not.toContain(direct);
  expect(await ask(agent)).toBe(direct);
  expect(forwarded).toHaveLength(1);
  agent.destroy();
});

it('leaves an idle connection of the other way as soon as it is told of an address', async () => {
  const { agent, forwarded, learn } = agentOf();
  agent.leaveForwards();
  await ask(agent);
  agent.leaveForwards();
  // Without an address there is no better one.
  expect(await ask(agent)).toBe(forwarded[0]);
  learn(['127.0.0.1']);
  agent.leaveForwards();
  const direct = await ask(agent);
  expect(forwarded).not.toContain(direct);
  agent.leaveForwards();
  expect(await ask(agent)).toBe(direct);
  agent.destroy();
});

it('fails with the words of the other way', async () => {
  const refused = async () => {
    throw new Error('pods/portforward is forbidden');
  };
  const agent = new ServiceAgent(port, () => [], refused);
  await expect(ask(agent)).rejects.toThrow('pods/portforward is forbidden');
  agent.destroy();
});
