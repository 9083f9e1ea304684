import { readFile } from 'node:fs/promises';

const FILE = new URL('../../../../../docs/deployment.md', import.meta.url);

/** Commands of docs/deployment.md that a test runs in the cluster, in their order, upon the local overlay deployed there. */
export const RUN_IN_CLUSTER: readonly string[] = [
  'kubectl -n shadow rollout status deployment/shadow-server',
  'kubectl -n shadow exec deployment/shadow-server -- shadow sign-in-url',
  'kubectl -n shadow exec deployment/shadow-server -- shadow doctor',
  'kubectl -n shadow get pods',
  'kubectl create namespace shadow --dry-run=client -o yaml | kubectl apply -f -',
  'kubectl -n shadow create secret generic shadow-server --from-env-file=production-config.env',
  'kubectl -n shadow logs deployment/shadow-server',
  'kubectl -n shadow create secret generic shadow-metrics --from-literal=api-key=KEY',
  'export K8S_SERVICE_ACCOUNT_TOKEN=$(kubectl -n shadow create token shadow-server --duration=8h)',
  'kubectl -n shadow exec deployment/shadow-server -- tar -C /var/lib/shadow -czf - --exclude=./postgres --exclude=./mirrors --exclude=./host . > shadow-home.tar.gz',
  'kubectl -n shadow describe pod',
  'kubectl -n shadow get events',
  'kubectl -n shadow get configmap,pod,service,secret,pvc -l app.kubernetes.io/managed-by=shadow',
];

/** The one that goes on until it is ended. */
export const PORT_FORWARD = 'kubectl -n shadow port-forward service/shadow-server 4000:80';

/** Those that are tested in another form, and how. */
export const TESTED_OTHERWISE: Readonly<Record<string, string>> = {
  [PORT_FORWARD]: 'in the cluster, on a free port',
  'kubectl apply -k k8s/overlays/local': 'deployed in the cluster, into a namespace of the test',
  'kubectl kustomize k8s/overlays/production | less': 'put together and checked against the schemas',
  'kubectl apply -k k8s/overlays/production --dry-run=server':
    'in the cluster, but for kinds that it does not know',
  'kubectl apply -f k8s/overlays/local/home-volume.yaml': 'dry run in the cluster',
  'kubectl -n shadow rollout restart deployment/shadow-server': 'the pod is replaced in the cluster',
  'AGENT_MODE=remote KUBECONFIG=~/.kube/config KUBERNETES_NAMESPACE=shadow npm start':
    'servers of the cluster tests are started so',
  'AGENT_MODE=remote KUBERNETES_API_URL=https://kubernetes.example.com:6443 KUBERNETES_CA_FILE=ca.crt npm start':
    'connections of the cluster tests are made so',
};

/** Those that nothing here can run; the page says so itself, in its last section. */
export const NOT_RUN: readonly string[] = [
  'npm run images',
  'export POSTGRES_PASSWORD=$(openssl rand -hex 24)',
  'docker compose up --detach --build',
  'docker compose logs server',
  'kind create cluster',
  'kind load docker-image shadow-server:latest shadow-sidecar:latest',
  'kubectl apply -k k8s/overlays/production',
  'pg_dump "$DATABASE_URL" --format=custom --file=shadow.dump',
  'kubectl delete namespace shadow',
  'kubectl delete priorityclass shadow-server shadow-workspace',
];

/** The page itself. */
export const readPage = (): Promise<string> => readFile(FILE, 'utf8');

/** Every command of the page once: the lines of its shell blocks, and what begins with kubectl in its text. */
export function commandsOf(page: string): string[] {
  const blocks = [...page.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].map(([, block = '']) => block);
  const text = page.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
  const inline = [...text.matchAll(/`(kubectl [^`]+)`/g)].map(([, code = '']) =>
    code.replaceAll(/\s+/g, ' '),
  );
  const lines = blocks.flatMap((block) => block.split('\n')).map((line) => line.trim());
  return [...new Set([...lines, ...inline].filter((command) => command !== '' && !command.endsWith('…')))];
}
