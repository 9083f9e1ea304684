import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GitCredential } from '@shadow/protocol';
import type { GitRemotes } from '../../../src/execution/conformance/index.ts';

const ENVIRONMENT = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};
const NOWHERE = '0'.repeat(40);

/**
 * A git server: git's own http-backend behind basic authentication.
 * @param host address to listen on; loopback unless pods must reach it
 */
export async function startGitServer(host = '127.0.0.1'): Promise<GitRemotes> {
  const root = mkdtempSync(join(tmpdir(), 'shadow-git-server-'));
  const credentials = new Map<string, GitCredential>();
  const server = createServer((request, response) => {
    const name = /^\/([^/?]+)/.exec(request.url ?? '')?.[1] ?? '';
    if (!isOpen(credentials.get(name), request.headers.authorization)) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
    } else {
      serve(root, request, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const base = `http://${host}:${port}`;
  const git = (url: string, args: string[], input?: string): string => {
    const cwd = join(root, url.slice(base.length + 1));
    return execFileSync('git', args, {
      cwd,
      env: ENVIRONMENT,
      encoding: 'utf8',
      input: input ?? '',
      stdio: 'pipe',
    });
  };
  const tip = (url: string, branch: string): string | undefined =>
    git(url, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`]).trim() || undefined;
  let repositories = 0;
  return {
    async create(credential) {
      repositories += 1;
      const name = `repository-${repositories}.git`;
      execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', join(root, name)], {
        env: ENVIRONMENT,
      });
      if (credential !== undefined) credentials.set(name, credential);
      git(`${base}/${name}`, ['config', 'http.receivepack', 'true']);
      return `${base}/${name}`;
    },
    async commit(url, branch, files, { orphan = false } = {}) {
      const parent = orphan ? undefined : (tip(url, branch) ?? tip(url, 'main'));
      git(url, ['fast-import', '--quiet'], commitStream(branch, parent, files));
      return tip(url, branch) ?? NOWHERE;
    },
    tip: async (url, branch) => tip(url, branch),
    missing: () => `${base}/missing.git`,
    unreachable: () => 'http://127.0.0.1:1/x.git',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function isOpen(needed: GitCredential | undefined, given: string | undefined): boolean {
  if (needed === undefined) return true;
  const pair = Buffer.from(`${needed.username}:${needed.password}`).toString('base64');
  return given === `Basic ${pair}`;
}

/** One call of the CGI program (RFC 3875). */
function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const child = spawn('git', ['http-backend'], {
    env: {
      ...ENVIRONMENT,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'test',
    },
  });
  response.once('close', () => child.kill());
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (response.headersSent) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    const headers = head
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .map((line) => line.split(': ', 2));
    const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200';
    const rest = headers.filter(([name]) => name !== 'Status') as [string, string][];
    response.writeHead(Number.parseInt(status, 10), Object.fromEntries(rest));
    response.write(head.subarray(end + 4));
  });
  child.stdout.once('end', () => response.end());
}

/** The format of git-fast-import(1). */
function commitStream(
  branch: string,
  parent: string | undefined,
  files: Readonly<Record<string, string>>,
): string {
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  return [
    `commit refs/heads/${branch}\ncommitter Seed <seed@example.com> 1767225600 +0000\n${data(`Commit on ${branch}`)}`,
    ...(parent === undefined ? [] : [`from ${parent}\n`]),
    ...Object.entries(files).map(([path, content]) => `M 100644 inline ${path}\n${data(content)}`),
  ].join('');
}
