import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  failure,
  type GrepMatch,
  type OutputFrame,
  type ProcessInfo,
  type ProcessOperations,
} from '@shadow/protocol';
import type { ToolExecutor } from '../../../src/execution/interfaces/tool-executor.ts';

const unsupported = async () => failure('UNSUPPORTED', 'not in this executor');

/** A small real executor over a directory: enough for what the agent's tests do, without the engine's weight. */
export function createDirectoryExecutor(root: string): ToolExecutor {
  return {
    capabilities: {
      pty: false,
      suspend: false,
      codebaseSearch: false,
      limits: 'none',
      isolation: 'none',
      raceSafePaths: false,
    },
    close: async () => undefined,
    ...files(root),
    ...search(root),
    ...processes(root),
    statFile: unsupported,
    moveFile: unsupported,
    makeDirectory: unsupported,
    uploadFile: unsupported,
    downloadFile: unsupported,
    codebaseSearch: unsupported,
    gitStatus: unsupported,
    gitDiff: unsupported,
    gitCommit: unsupported,
    gitLog: unsupported,
    gitCheckout: unsupported,
    async *watch() {},
  };
}

function files(
  root: string,
): Pick<ToolExecutor, 'readFile' | 'writeFile' | 'deleteFile' | 'searchReplace' | 'listDirectory'> {
  return {
    async readFile({ path, startLine = 1, endLine = Number.MAX_SAFE_INTEGER }) {
      const content = await readFile(join(root, path), 'utf8').catch(() => null);
      if (content === null) return failure('FILE_NOT_FOUND', `${path} does not exist`);
      const lines = content.replace(/\n$/, '').split('\n');
      const last = Math.min(endLine, lines.length);
      return {
        success: true,
        path,
        content: lines.slice(startLine - 1, last).join('\n'),
        encoding: 'utf8',
        size: content.length,
        totalLines: lines.length,
        startLine,
        endLine: last,
        truncated: false,
        hash: createHash('sha256').update(content).digest('hex'),
      };
    },
    async writeFile({ path, content }) {
      const before = await readFile(join(root, path), 'utf8').catch(() => null);
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
      const deletions = before === null ? 0 : before.split('\n').length - 1;
      const additions = content.split('\n').length - 1;
      return { success: true, path, created: before === null, size: content.length, additions, deletions };
    },
    async deleteFile({ path, recursive = false }) {
      await rm(join(root, path), { recursive });
      return { success: true, path };
    },
    async searchReplace({ path, oldText, newText }) {
      const content = await readFile(join(root, path), 'utf8').catch(() => null);
      if (content === null) return failure('FILE_NOT_FOUND', `${path} does not exist`);
      const pieces = content.split(oldText);
      if (pieces.length === 1) return failure('TEXT_NOT_FOUND', `${path} does not hold that text`);
      if (pieces.length > 2) return failure('TEXT_NOT_UNIQUE', `${path} holds that text more than once`);
      await writeFile(join(root, path), pieces.join(newText));
      const line = (pieces[0] ?? '').split('\n').length;
      return { success: true, path, replacements: 1, line, additions: 1, deletions: 1 };
    },
    async listDirectory({ path = '.', recursive = false }) {
      const entries = [];
      for (const name of (await readdir(join(root, path), { recursive })).sort()) {
        if (name === '.git' || name.startsWith('.git/')) continue;
        const facts = await stat(join(root, path, name));
        const kind = facts.isDirectory() ? ('directory' as const) : ('file' as const);
        entries.push({ path: path === '.' ? name : join(path, name), kind, size: facts.size });
      }
      return { success: true, path, entries, truncated: false };
    },
  };
}

function search(root: string): Pick<ToolExecutor, 'searchFiles' | 'grepSearch'> {
  const list = async () => {
    const names = (await readdir(root, { recursive: true })).sort();
    return names.filter((name) => !name.startsWith('.git'));
  };
  return {
    async searchFiles({ query }) {
      const paths = (await list()).filter((path) => path.toLowerCase().includes(query.toLowerCase()));
      return { success: true, paths, truncated: false };
    },
    async grepSearch({ pattern }) {
      const matches: GrepMatch[] = [];
      for (const path of await list()) {
        const content = await readFile(join(root, path), 'utf8').catch(() => '');
        content.split('\n').forEach((text, index) => {
          const column = text.indexOf(pattern) + 1;
          if (column > 0) matches.push({ path, line: index + 1, column, text, before: [], after: [] });
        });
      }
      const filesMatched = new Set(matches.map((match) => match.path)).size;
      return { success: true, matches, filesMatched, truncated: false };
    },
  };
}

interface Running {
  info: ProcessInfo;
  child: ChildProcess;
  stdout: string;
  stderr: string;
  ended: Promise<void>;
}

function processes(root: string): ProcessOperations {
  const running = new Map<string, Running>();
  return {
    async executeCommand(request, options = {}) {
      const process = start(root, request.processId ?? 'p', request.command, request.isBackground === true);
      running.set(process.info.processId, process);
      options.onStarted?.(process.info);
      const kill = (state: 'cancelled' | 'timed-out') => () => {
        if (process.info.state !== 'running') return;
        process.info.state = state;
        if (process.child.pid !== undefined) globalThis.process.kill(-process.child.pid, 'SIGKILL');
      };
      const timer =
        request.timeoutMs === undefined ? undefined : setTimeout(kill('timed-out'), request.timeoutMs);
      if (options.signal?.aborted) kill('cancelled')();
      options.signal?.addEventListener('abort', kill('cancelled'), { once: true });
      if (request.isBackground !== true) await process.ended;
      clearTimeout(timer);
      return {
        success: true,
        process: { ...process.info },
        stdout: process.stdout,
        stderr: process.stderr,
        stdoutTruncated: false,
        stderrTruncated: false,
        durationMs: 1,
      };
    },
    async getProcess({ processId }) {
      const found = running.get(processId);
      if (found === undefined) return failure('PROCESS_NOT_FOUND', `no process ${processId}`);
      return { success: true, process: { ...found.info, outputEnd: found.stdout.length } };
    },
    async *readOutput({ processId, fromOffset = 0, follow = false }): AsyncIterable<OutputFrame> {
      const found = running.get(processId);
      if (found === undefined) return;
      if (follow) await found.ended;
      const data = Buffer.from(found.stdout.slice(fromOffset));
      if (data.length > 0) yield { type: 'data', offset: fromOffset, stream: 'stdout', data };
    },
    listProcesses: async () => ({ success: true, processes: [] }),
    writeStdin: unsupported,
    signalProcess: unsupported,
    resizeTerminal: unsupported,
  };
}

function start(root: string, processId: string, command: string, isBackground: boolean): Running {
  const child = spawn('bash', ['-c', command], { cwd: root, detached: true });
  const info: ProcessInfo = {
    processId,
    command,
    cwd: root,
    state: 'running',
    isBackground,
    isPty: false,
    pid: child.pid ?? null,
    exitCode: null,
    signal: null,
    startedAt: new Date().toISOString(),
    finishedAt: null,
    outputEnd: 0,
    outputStart: 0,
  };
  const process: Running = { info, child, stdout: '', stderr: '', ended: Promise.resolve() };
  child.stdout.on('data', (data: Buffer) => {
    process.stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    process.stderr += data.toString();
  });
  process.ended = new Promise((resolve) => {
    child.on('close', (code) => {
      if (info.state === 'running') info.state = 'exited';
      info.exitCode = code;
      resolve();
    });
  });
  return process;
}
