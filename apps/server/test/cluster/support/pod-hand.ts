import { createInterface } from 'node:readline';
import { PassThrough, Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { Exec, type KubeConfig } from '@kubernetes/client-node';

/** Characters sent at once. */
const MESSAGE = 32_768;

/** What a hand inside a pod is told to do. */
type Deed =
  | { do: 'file'; path: string; content: string; mode: number }
  | { do: 'directory'; path: string }
  | { do: 'link'; path: string; target: string }
  | { do: 'run'; command: string };

/** Runs in the pod: one deed a line, one answer a line. Files appear whole at once, as an editor would write them. */
const SCRIPT = `
const fs = require('node:fs/promises');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
let count = 0;
async function act(deed) {
  if (deed.do === 'run') return execFileSync('sh', ['-c', deed.command], { encoding: 'utf8' });
  if (deed.do === 'directory') return void (await fs.mkdir(deed.path, { recursive: true }));
  await fs.mkdir(path.dirname(deed.path), { recursive: true });
  if (deed.do === 'link') return void (await fs.symlink(deed.target, deed.path));
  const fresh = path.join(path.dirname(deed.path), '.shadow-' + process.pid + '-' + count++ + '.tmp');
  await fs.writeFile(fresh, require('node:zlib').gunzipSync(Buffer.from(deed.content, 'base64')));
  await fs.chmod(fresh, deed.mode);
  await fs.rename(fresh, deed.path);
}
(async () => {
  for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
    const answer = await act(JSON.parse(line)).then((said) => ({ said: said ?? '' }), (error) => ({ error: String(error) }));
    console.log(JSON.stringify(answer));
  }
})();
`;

/** Works in a pod past its sidecar, through the API server. */
export interface PodHand {
  file(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  directory(path: string): Promise<void>;
  link(path: string, target: string): Promise<void>;
  /** Runs a line of shell and gives what it prints. */
  run(command: string): Promise<string>;
  close(): void;
}

/** Opens one session, which all deeds share. */
export async function openHand(
  kubeconfig: KubeConfig,
  pod: { namespace: string; name: string },
): Promise<PodHand> {
  const input = new PassThrough();
  const output = new PassThrough();
  const waiting: { resolve(said: string): void; reject(error: Error): void }[] = [];
  createInterface({ input: output }).on('line', (line) => {
    const { said, error } = JSON.parse(line) as { said?: string; error?: string };
    const first = waiting.shift();
    if (error === undefined) first?.resolve(said ?? '');
    else first?.reject(new Error(error));
  });
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const command = ['node', '-e', SCRIPT];
  const socket = await new Exec(kubeconfig).exec(
    pod.namespace,
    pod.name,
    'sidecar',
    command,
    output,
    silent,
    input,
    false,
  );
  // It may be the session's own container that a deed ends.
  socket.addEventListener('close', () => {
    for (const { reject } of waiting.splice(0)) reject(ended());
  });
  const tell = (deed: Deed): Promise<string> =>
    new Promise((resolve, reject) => {
      if (socket.readyState !== socket.OPEN) return reject(ended());
      waiting.push({ resolve, reject });
      const line = `${JSON.stringify(deed)}\n`;
      // A message of the channel has its bounds.
      for (let at = 0; at < line.length; at += MESSAGE) input.write(line.slice(at, at + MESSAGE));
    });
  return {
    file: async (path, content, mode = 0o644) => {
      const bytes = gzipSync(content, { level: 1 }).toString('base64');
      await tell({ do: 'file', path, content: bytes, mode });
    },
    directory: async (path) => void (await tell({ do: 'directory', path })),
    link: async (path, target) => void (await tell({ do: 'link', path, target })),
    run: (line) => tell({ do: 'run', command: line }),
    close: () => {
      input.end();
      socket.close();
    },
  };
}

function ended(): Error {
  return new Error('the session in the pod has ended');
}
