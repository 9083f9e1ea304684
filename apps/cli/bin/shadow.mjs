#!/usr/bin/env node
// Plain JavaScript that every Node understands: finds one that runs TypeScript and hands over to it.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const main = new URL('../src/main.ts', import.meta.url);
const [major, minor] = process.versions.node.split('.').map(Number);

function bundledNode() {
  try {
    const resolve = createRequire(import.meta.url).resolve;
    return resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    return undefined;
  }
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  // A terminal sends Ctrl+C to the child too; passing it on would make it a second one.
  process.on('SIGINT', () => (onTerminal ? undefined : child.kill('SIGINT')));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`shadow: cannot start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

const bundled = major >= 24 ? undefined : bundledNode();
if (bundled !== undefined) {
  runWith(bundled);
} else if (major > 22 || (major === 22 && minor >= 18)) {
  await import(main.href);
} else {
  process.stderr.write(
    `shadow: Node ${process.versions.node} is too old. Run "npm ci" with optional packages, which brings a newer one, or install Node 24.\n`,
  );
  process.exit(1);
}
