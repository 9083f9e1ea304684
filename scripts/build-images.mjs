// npm run images [-- TAG]: builds shadow-server and both kinds of shadow-sidecar with whatever builds images here.
import { spawnSync } from 'node:child_process';
import { run } from './run.mjs';

const TOOLS = ['docker', 'podman', 'buildah'];
const [tag = 'latest'] = process.argv.slice(2);
const images = [
  { name: `shadow-server:${tag}`, app: 'server', target: 'server' },
  { name: `shadow-sidecar:${tag}`, app: 'sidecar', target: 'full' },
  { name: `shadow-sidecar:${tag}-slim`, app: 'sidecar', target: 'slim' },
];

const tool = TOOLS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
if (tool === undefined) {
  console.error(`Building images takes one of ${TOOLS.join(', ')}; none is installed.`);
  process.exit(1);
}
// The others keep layers by themselves, and write a format that knows health checks.
const options = tool === 'buildah' ? ['--layers', '--format', 'docker'] : [];
for (const { name, app, target } of images) {
  const file = `apps/${app}/Dockerfile`;
  const status = run(tool, ['build', ...options, '--file', file, '--target', target, '--tag', name, '.']);
  if (status !== 0) process.exit(status);
}
