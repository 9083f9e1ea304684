import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A directory that is removed at the end and that a root-run server's agents may enter. */
export async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'shadow-bench-'));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Plain git without anybody's settings. */
export async function git(cwd: string, ...args: string[]): Promise<void> {
  const identity = [
    '-c',
    'user.name=Bench',
    '-c',
    'user.email=bench@example.invalid',
    '-c',
    'safe.directory=*',
  ];
  const env = { ...process.env, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  await execute('git', [...identity, ...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 });
}

/** A bare repository of so many source-like files, 50 in a directory, the same each time. */
export async function makeLargeRepository(root: string, name: string, files: number): Promise<void> {
  const source = join(root, `${name}.source`);
  for (let index = 0; index < files; index += 1) {
    const directory = join(source, `module-${Math.floor(index / 50)}`);
    if (index % 50 === 0) await mkdir(directory, { recursive: true });
    const line = (number: number) =>
      `export const value${number} = ${(index * 7919 + number * 104729) % 999983};\n`;
    const text = Array.from({ length: 10 + (index % 50) }, (_, number) => line(number)).join('');
    await writeFile(join(directory, `file-${index}.ts`), text);
  }
  await git(source, 'init', '--quiet', '--initial-branch=main');
  await git(source, 'add', '--all');
  await git(source, 'commit', '--quiet', '--message', 'Everything');
  await git(root, 'clone', '--quiet', '--bare', source, join(root, name));
  await git(join(root, name), 'repack', '-a', '-d', '--quiet');
  await rm(source, { recursive: true });
}
