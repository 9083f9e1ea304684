import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../support/git-repository.ts';
import { failedStart } from '../../../support/running-server.ts';
import { type Authority, makeAuthority } from './support/authority.ts';

const DOCTOR = fileURLToPath(new URL('../../../../src/execution/remote/doctor/main.ts', import.meta.url));
const wait = { timeout: 120_000 };

const resources = new AsyncDisposableStack();
let directory: string;
let server: Server;
let url: string;
let requests = 0;
let own: Authority;
let other: Authority;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
  [own, other] = [await makeAuthority(directory, 'own'), await makeAuthority(directory, 'other')];
  server = createServer(own, (_request, response) => {
    requests += 1;
    response.writeHead(500).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  resources.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  // A server that listens on a port has such an address.
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => resources.disposeAsync());

/** A kubeconfig for that server. @param tls what it says of trust */
async function kubeconfig(name: string, tls: object, address = url): Promise<string> {
  const file = join(directory, `${name}.json`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'there', cluster: { server: address, ...tls } }],
    users: [{ name: 'me', user: { token: 'secret-token' } }],
    contexts: [{ name: 'here', context: { cluster: 'there', user: 'me' } }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** What a server that is started with these settings, and the doctor, have to say. */
async function bothSay(environment: Record<string, string>): Promise<[server: string, doctor: string]> {
  const settings = { AGENT_MODE: 'remote', DATABASE_URL: '', ...environment };
  const { code, stderr } = await failedStart(join(directory, 'home'), settings);
  expect(code).not.toBe(0);
  const child = spawn(process.execPath, [DOCTOR], {
    env: { PATH: process.env.PATH, HOME: directory, ...settings },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return [stderr, await text(child.stdout)];
}

describe('TLS to the API server', wait, () => {
  it('is not used unverified, whatever the kubeconfig says', async () => {
    const insecure = await kubeconfig('insecure', { 'insecure-skip-tls-verify': true });
    for (const said of await bothSay({ KUBECONFIG: insecure })) {
      expect(said).toContain('insecure-skip-tls-verify');
      expect(said).toContain('certificate-authority');
      expect(said).not.toContain('secret-token');
    }
    expect(requests).toBe(0);
  });

  it('is not done without', async () => {
    const plain = await kubeconfig('plain', {}, url.replace('https', 'http'));
    for (const said of await bothSay({ KUBECONFIG: plain })) expect(said).toContain('without verified TLS');
    expect(requests).toBe(0);
  });

  it('fails with a wrong authority, says so, and nothing turns that off', async () => {
    const wrong = await kubeconfig('wrong', { 'certificate-authority': other.caFile });
    const urlAndToken = {
      KUBERNETES_API_URL: url,
      KUBERNETES_CA_FILE: other.caFile,
      K8S_SERVICE_ACCOUNT_TOKEN: 'secret-token',
    };
    for (const environment of [{ KUBECONFIG: wrong }, urlAndToken]) {
      const said = await bothSay({ ...environment, NODE_TLS_REJECT_UNAUTHORIZED: '0' });
      for (const one of said) {
        expect(one).toMatch(/is not trusted.*DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
        expect(one).toContain('KUBERNETES_CA_FILE');
        expect(one).not.toContain('secret-token');
      }
    }
    expect(requests).toBe(0);
  });

  it('is taken with the right authority', async () => {
    const right = await kubeconfig('right', { 'certificate-authority': own.caFile });
    for (const said of await bothSay({ KUBECONFIG: right })) expect(said).not.toContain('not trusted');
    expect(requests).toBeGreaterThan(0);
  });
});
