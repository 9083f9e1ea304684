import { BlockList, isIPv6 } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { loadConfig } from '../../src/config.ts';
import { workspacePod } from '../../src/execution/remote/workspaces/workspace-objects.ts';
import { kustomize, type Manifest, missingKustomize, only } from './support/kustomize.ts';

const missing = missingKustomize();

const Peer = z.strictObject({
  ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()).default([]) }).optional(),
  podSelector: z.object({ matchLabels: z.record(z.string(), z.string()) }).optional(),
  namespaceSelector: z.looseObject({}).optional(),
});
const Port = z.object({ protocol: z.string(), port: z.union([z.string(), z.number()]).optional() });
const Policy = z.object({
  podSelector: z.object({ matchLabels: z.record(z.string(), z.string()).default({}) }),
  policyTypes: z.array(z.string()),
  ingress: z.array(z.object({ from: z.array(Peer).optional(), ports: z.array(Port).optional() })).optional(),
  egress: z.array(z.object({ to: z.array(Peer).optional(), ports: z.array(Port).optional() })).optional(),
});
type Policy = z.infer<typeof Policy>;
type Rule = NonNullable<Policy['egress']>[number];

/** Whether a policy lets its pods send to an address, as the API's reference defines ipBlock, except and ports. */
function allows(policy: Policy, address: string, protocol: string, port: number): boolean {
  return (policy.egress ?? []).some(
    ({ to, ports }: Rule) =>
      (ports === undefined ||
        ports.some((one) => one.protocol === protocol && (one.port === undefined || one.port === port))) &&
      (to === undefined ||
        to.some(({ ipBlock }) => ipBlock !== undefined && contains(ipBlock.cidr, address, ipBlock.except))),
  );
}

function contains(cidr: string, address: string, except: readonly string[] = []): boolean {
  return isIn(cidr, address) && !except.some((part) => isIn(part, address));
}

function isIn(cidr: string, address: string): boolean {
  const [network = '', prefix] = cidr.split('/');
  if (isIPv6(network) !== isIPv6(address)) return false;
  const list = new BlockList();
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  list.addSubnet(network, Number(prefix), family);
  return list.check(address, family);
}

/** Of a sidecar's numbers, which the monitors alone ask for. */
const METRICS_PORT = 9464;
const METADATA = ['169.254.169.254', '169.254.170.2', '100.100.100.200', 'fd00:ec2::254', 'fe80::a9fe:a9fe'];
const PRIVATE = [
  '10.0.0.1',
  '10.255.255.255',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '0.0.0.0',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  'fc00::1',
  'fdff:ffff::1',
  'fe80::1',
  '::ffff:10.0.0.1',
  '64:ff9b::a00:1',
  '2002:a00:1::1',
  'ff02::1',
];
const PUBLIC = ['1.0.0.1', '93.184.216.34', '172.32.0.1', '192.169.0.1', '2606:4700::1', '2a00:1450::1'];

describe.skipIf(missing !== undefined).each(['overlays/local', 'overlays/production'])(
  'network in %s',
  (overlay) => {
    let manifests: Manifest[];
    const policy = (name: string) => Policy.parse(only(manifests, 'NetworkPolicy', name).spec);

    beforeAll(async () => {
      manifests = await kustomize(overlay);
    });

    it('is denied to every pod, in and out, unless a policy says otherwise', () => {
      expect(policy('default-deny')).toEqual({
        podSelector: { matchLabels: {} },
        policyTypes: ['Ingress', 'Egress'],
      });
    });

    it('lets nobody but the server into the port of a sidecar', () => {
      const ingress = manifests
        .filter(({ kind }) => kind === 'NetworkPolicy')
        .map(({ spec }) => Policy.parse(spec))
        .filter(({ podSelector }) => podSelector.matchLabels['app.kubernetes.io/name'] === 'shadow-workspace')
        .flatMap((found) => found.ingress ?? [])
        .filter(({ ports }) => ports?.every(({ port }) => port === METRICS_PORT) !== true);
      expect(ingress).toEqual([
        {
          from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'shadow-server' } } }],
          ports: [{ protocol: 'TCP', port: 'http' }],
        },
      ]);
    });

    it('means by that the port which the setting names', () => {
      const { workspaces } = loadConfig({ SIDECAR_PORT: '9090' }).remote;
      const pod = workspacePod(workspaces, { name: 'shadow-one', state: 'warm' }, '', '');
      expect(pod.spec?.containers.flatMap(({ ports }) => ports)).toEqual([
        { name: 'http', containerPort: 9090, protocol: 'TCP' },
      ]);
    });

    it('lets a public pod out to the internet, and to nothing private', () => {
      const found = policy('workspace-egress-public');
      expect(found.podSelector.matchLabels).toMatchObject({ 'shadow.dev/egress': 'public' });
      for (const address of PUBLIC) expect(allows(found, address, 'TCP', 443), address).toBe(true);
      for (const address of [...PRIVATE, ...METADATA]) {
        for (const port of [22, 53, 80, 443, 6443]) {
          expect(allows(found, address, 'TCP', port), `${address}:${port}`).toBe(false);
          expect(allows(found, address, 'UDP', port), `${address}:${port}/udp`).toBe(false);
        }
      }
    });

    it('lets a public pod ask the configured resolvers and no others', () => {
      const found = policy('workspace-egress-public');
      const [config] = manifests.filter(({ kind }) => kind === 'ConfigMap');
      const data = z.object({ REMOTE_DNS_SERVERS: z.string() }).parse(config?.data);
      const resolvers = data.REMOTE_DNS_SERVERS.split(',');
      const opened = (found.egress ?? [])
        .filter(({ ports }) => ports?.some(({ protocol, port }) => protocol === 'UDP' && port === 53))
        .flatMap(({ to }) => to ?? [])
        .map(({ ipBlock }) => ipBlock?.cidr);
      expect(opened).toEqual(resolvers.map((address) => `${address}/32`));
      for (const resolver of resolvers) expect(allows(found, resolver, 'UDP', 53)).toBe(true);
      expect(allows(found, '9.9.9.9', 'UDP', 53)).toBe(false);
    });

    it('lets a pod of the cluster everywhere but to metadata', () => {
      const found = policy('workspace-egress-cluster');
      expect(found.podSelector.matchLabels).toMatchObject({ 'shadow.dev/egress': 'cluster' });
      for (const address of [...PUBLIC, '10.96.0.10', 'fc00::1']) {
        expect(allows(found, address, 'TCP', 443), address).toBe(true);
      }
      for (const address of ['169.254.169.254', '169.254.170.2', 'fd00:ec2::254', 'fe80::1']) {
        expect(allows(found, address, 'TCP', 80), address).toBe(false);
      }
    });

    it('has nothing for a pod with no egress', () => {
      const labels = manifests
        .filter(({ kind }) => kind === 'NetworkPolicy')
        .map(({ spec }) => Policy.parse(spec))
        .filter((found) => found.policyTypes.includes('Egress') && (found.egress ?? []).length > 0)
        .map(({ podSelector }) => podSelector.matchLabels);
      expect(labels).not.toContainEqual({ 'app.kubernetes.io/name': 'shadow-workspace' });
      expect(labels.map((found) => found['shadow.dev/egress'])).not.toContain('none');
    });
  },
);
