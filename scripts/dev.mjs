// npm run dev: the server restarts on changes, the web UI rebuilds on changes, both in one terminal.
import { spawn } from 'node:child_process';
import { requireNode, turbo } from './build.mjs';
import { root } from './run.mjs';

requireNode();
await turbo('build');
const watched = ['apps/server/src', 'packages'].map((path) => `--watch-path=${path}`);
const children = [
  spawn('vite', ['build', '--watch'], { cwd: `${root}/apps/web`, stdio: 'inherit' }),
  spawn(process.execPath, [...watched, '--watch-preserve-output', 'apps/server/src/main.ts'], {
    cwd: root,
    stdio: 'inherit',
  }),
];
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}
await Promise.race(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
for (const child of children) child.kill('SIGTERM');
