import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Agent, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Cluster, Route } from '../../src/execution/remote/kubernetes/cluster.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { nodePod, openConnection, PATIENCE_MS, readyPod } from './support/connection.ts';

/** Answers a POST with its digest, /large with bytes, /slow never, /port with the caller's, and upgrades to an echo. */
const SERVER = `
const { createHash } = require('node:crypto');
const server = require('node:http').createServer((request, response) => {
  if (request.url === '/large') return void response.end(Buffer.alloc(20_000_000, 'x'));
  if (request.url === '/slow') return void response.write('begun');
  if (request.url === '/port') return void response.end(String(request.socket.remotePort));
  const hash = createHash('sha256');
  request.on('data', (chunk) => hash.update(chunk)).on('end', () => response.end(hash.digest('hex')));
});
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
    'Sec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.write(Buffer.from([0x81, 5, ...Buffer.from('hello')]));
});
server.listen(8080);
`;

const resources = new AsyncDisposableStack();
let test: ClusterTest;
let forwarding: Cluster;

beforeAll(async () => {
  test = resources.use(await openCluster());
  ({ cluster: forwarding } = resources.use(await openConnection(test)));
});
afterAll(() => resources.disposeAsync());

async function answerOf(route: Route, path: string, body?: Buffer): Promise<string> {
  const response = await begin(route, path, body);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function begin({ baseUrl, agent }: Route, path: string, body?: Buffer): Promise<IncomingMessage> {
  const sent = request(`${baseUrl}${path}`, { agent, method: body === undefined ? 'GET' : 'POST' });
  sent.end(body);
  const [response] = await once(sent, 'response');
  // A connection that breaks later is told to both.
  sent.on('error', () => {});
  return response;
}

describe.each(['port-forward', 'service'] as const)('reaching a pod by %s', (reach) => {
  let cluster: Cluster;
  let route: Route;
  const name = `by-${reach}`;

  beforeAll(async () => {
    ({ cluster } = resources.use(await openConnection(test, { REMOTE_REACH: reach })));
    const selector = { 'shadow.dev/workspace': name };
    const { object: service } = await cluster.api.services.ensure({
      metadata: { name },
      spec: { selector, ports: [{ port: 8080 }] },
    });
    await cluster.api.pods.ensure(nodePod(name, SERVER));
    const pod = await readyPod(cluster, name);
    const addresses = { podUid: pod.metadata?.uid, clusterIP: service.spec?.clusterIP };
    route = cluster.reach({ workspace: name, podName: name, port: 8080, ...addresses });
  });
  afterAll(() => route.close());

  it('works as soon as the pod is ready', async () => {
    expect(route.kind).toBe(reach);
    expect(await answerOf(route, '/port')).toMatch(/^\d+$/);
  });

  it('carries many bytes both ways, unchanged', async () => {
    const body = randomBytes(20_000_000);
    const digest = createHash('sha256').update(body).digest('hex');
    expect(await answerOf(route, '/', body)).toBe(digest);
    expect((await answerOf(route, '/large')).length).toBe(20_000_000);
  });

  it('carries many requests at once', async () => {
    const bodies = Array.from({ length: 40 }, (_, index) => Buffer.alloc(10_000, index));
    const digests = await Promise.all(bodies.map((body) => answerOf(route, '/', body)));
    expect(digests).toEqual(bodies.map((body) => createHash('sha256').update(body).digest('hex')));
  });

  it('keeps connections for further requests', async () => {
    const first = await answerOf(route, '/port');
    expect(await answerOf(route, '/port')).toBe(first);
  });

  it('lets the pod wait for a reader that takes its time', async () => {
    const response = await begin(route, '/large');
    response.pause();
    // Another connection is not held up.
    expect(await answerOf(route, '/port')).toMatch(/^\d+$/);
    let size = 0;
    for await (const chunk of response) size += chunk.length;
    expect(size).toBe(20_000_000);
  });

  it('upgrades to a websocket', async () => {
    const socket = new WebSocket(route.baseUrl.replace('http', 'ws'), { agent: route.agent as Agent });
    const [message] = await once(socket, 'message');
    expect(String(message)).toBe('hello');
    socket.terminate();
  });

  it('cuts a connection when the pod goes', async () => {
    const response = await begin(route, '/slow');
    const ended = Promise.withResolvers<void>();
    response.once('error', () => {}).once('close', ended.resolve);
    response.resume();
    await cluster.api.pods.delete(name, { graceSeconds: 0 });
    await ended.promise;
  });
});

describe('reaching what is not there', () => {
  it('says so for a pod that does not exist', async () => {
    const route = forwarding.reach({ workspace: 'none', podName: 'none', port: 8080 });
    await expect(answerOf(route, '/')).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'pods "none" not found',
    });
    route.close();
  });

  it(
    'says so for a port that nobody listens on',
    async () => {
      await forwarding.api.pods.ensure(
        nodePod('other-port', 'require("node:net").createServer().listen(8080)'),
      );
      await readyPod(forwarding, 'other-port');
      const route = forwarding.reach({ workspace: 'other-port', podName: 'other-port', port: 8081 });
      await expect(answerOf(route, '/')).rejects.toMatchObject({ code: 'ECONNRESET' });
      route.close();
      await expect(answerOf(route, '/')).rejects.toThrow();
    },
    PATIENCE_MS,
  );

  it('says so for a Service without an address', async () => {
    await using connection = await openConnection(test, { REMOTE_REACH: 'service' });
    expect(() => connection.cluster.reach({ workspace: 'w', podName: 'w', port: 1 })).toThrow(
      'The Service of workspace w has no address.',
    );
  });
});
