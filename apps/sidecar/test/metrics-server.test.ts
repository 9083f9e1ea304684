import { pino } from 'pino';
import { Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { serveMetrics } from '../src/observability/metrics-server.ts';

const log = pino({ level: 'silent' });
const host = '127.0.0.1';

function registryWithOne(): Registry {
  const registry = new Registry();
  new Counter({ name: 'things_total', help: 'Things', registers: [registry] }).inc();
  return registry;
}

describe('the port of the measurements', () => {
  it('serves them to whoever asks, and nothing else', async () => {
    await using server = await serveMetrics(registryWithOne(), { host, port: 0 }, log);
    const base = `http://${host}:${server.port}`;
    const answer = await fetch(`${base}/metrics`);
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(await answer.text()).toContain('things_total 1');
    expect((await fetch(`${base}/api/execute`)).status).toBe(404);
    expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(404);
  });

  it('that is taken stops nothing', async () => {
    await using first = await serveMetrics(registryWithOne(), { host, port: 0 }, log);
    await using second = await serveMetrics(registryWithOne(), { host, port: first.port ?? 0 }, log);
    expect(second.port).toBeUndefined();
    expect((await fetch(`http://${host}:${first.port}/metrics`)).status).toBe(200);
  });
});
