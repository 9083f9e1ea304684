import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRoot, makeWorkspace, NOBODY, ok, type TestWorkspace } from './fixtures/engine.ts';

/** Hooks that git knows for what we do. */
const HOOKS = [
  'pre-commit',
  'prepare-commit-msg',
  'commit-msg',
  'post-commit',
  'post-checkout',
  'post-index-change',
  'reference-transaction',
  'pre-auto-gc',
  'fsmonitor-watchman',
];

let workspace: TestWorkspace;
let evidence: string;
/** A program of the workspace's that leaves its name behind when anything runs it. */
let trap: (name: string) => string;

async function useEverything(): Promise<void> {
  const { engine } = workspace;
  ok(await engine.writeFile({ path: 'a.txt', content: `${Math.random()}\n` }));
  ok(await engine.writeFile({ path: `new-${Math.random()}.txt`, content: 'x\n' }));
  ok(await engine.gitStatus());
  ok(await engine.gitDiff({}));
  ok(await engine.gitDiff({ base: 'HEAD~1' }));
  ok(await engine.gitCommit({ message: 'only', paths: ['a.txt'] }));
  ok(await engine.gitCommit({ message: 'all' }));
  ok(await engine.gitLog({}));
  ok(await engine.gitCheckout({ branch: `b-${Math.random()}`, createFrom: 'HEAD~1' }));
  ok(await engine.gitCheckout({ branch: 'main' }));
}

const ran = (): string[] => readdirSync(evidence);

beforeEach(async () => {
  workspace = makeWorkspace(isRoot ? { runAs: NOBODY } : {});
  evidence = mkdtempSync(join(tmpdir(), 'shadow-evidence-'));
  chmodSync(evidence, 0o777);
  trap = (name) => {
    const path = join(evidence, '..', `${evidence.split('/').at(-1)}-${name}`);
    writeFileSync(path, `#!/bin/sh\ntouch '${evidence}/${name}'\ncat\n`, { mode: 0o755 });
    return path;
  };
  workspace.git('init', '-q', '-b', 'main');
  for (const content of ['1\n', '2\n']) {
    ok(await workspace.engine.writeFile({ path: 'a.txt', content }));
    ok(await workspace.engine.gitCommit({ message: 'start' }));
  }
});

afterEach(async () => {
  await workspace.close();
  for (const name of readdirSync(tmpdir())) {
    if (name.startsWith(evidence.split('/').at(-1) ?? '?')) rmSync(join(tmpdir(), name), { recursive: true });
  }
});

describe('a workspace’s own git settings', () => {
  it('run none of its hooks', async () => {
    writeFileSync(join(workspace.root, '.git/info/exclude'), '.hooks\n');
    for (const directory of ['.git/hooks', '.hooks']) {
      mkdirSync(join(workspace.root, directory), { recursive: true });
      for (const hook of HOOKS)
        writeFileSync(join(workspace.root, directory, hook), `#!/bin/sh\ntouch '${evidence}/${hook}'\n`, {
          mode: 0o755,
        });
    }
    await useEverything();
    workspace.git('config', 'core.hooksPath', join(workspace.root, '.hooks'));
    await useEverything();
    expect(ran()).toEqual([]);
  });

  it('run no filter, driver, helper, monitor, editor, pager, signer or transport of its config', async () => {
    const settings: Record<string, string> = {
      'core.fsmonitor': trap('fsmonitor'),
      'core.editor': trap('editor'),
      'core.pager': trap('pager'),
      'core.sshCommand': trap('ssh'),
      'core.askPass': trap('askpass'),
      'core.gitProxy': trap('proxy'),
      'core.alternateRefsCommand': trap('alternate'),
      'core.attributesFile': join(workspace.root, '.attributes'),
      'core.worktree': '/',
      'credential.helper': `!${trap('credential')}`,
      'filter.evil.clean': trap('clean'),
      'filter.evil.smudge': trap('smudge'),
      'filter.evil.required': 'true',
      'filter.other.process': trap('process'),
      'diff.evil.command': trap('diffcommand'),
      'diff.evil.textconv': trap('textconv'),
      'diff.external': trap('external'),
      'merge.evil.driver': trap('merge'),
      'gpg.program': trap('gpg'),
      'gpg.format': 'openpgp',
      'commit.gpgSign': 'true',
      'log.showSignature': 'true',
      'commit.template': trap('template'),
      'sequence.editor': trap('sequence'),
      'pager.log': trap('pagerlog'),
      'pager.diff': trap('pagerdiff'),
      'alias.status': `!${trap('alias')}`,
      'trailer.x.command': trap('trailer'),
      'interactive.diffFilter': trap('interactive'),
      'extensions.partialClone': 'origin',
      'remote.origin.promisor': 'true',
      'remote.origin.url': `ext::${trap('ext')}`,
      'remote.origin.vcs': 'evil',
      'protocol.ext.allow': 'always',
      'gc.auto': '1',
    };
    for (const [key, value] of Object.entries(settings))
      workspace.git('config', '--file', '.git/config', key, value);
    writeFileSync(
      join(workspace.root, '.gitattributes'),
      '*.txt filter=evil diff=evil merge=evil\nnew* filter=other\n',
    );
    writeFileSync(join(workspace.root, '.git/info/attributes'), '* filter=evil diff=evil\n');
    writeFileSync(join(workspace.root, '.attributes'), '* filter=other diff=evil\n');
    await useEverything();
    expect(ran()).toEqual([]);
  });

  it('run nothing of included files, work tree configs or submodules', async () => {
    const evil = join(workspace.root, 'evil.config');
    writeFileSync(
      evil,
      `[core]\n\tfsmonitor = ${trap('included')}\n[filter "evil"]\n\tclean = ${trap('included-clean')}\n\tsmudge = ${trap('included-smudge')}\n`,
    );
    writeFileSync(join(workspace.root, '.gitattributes'), '* filter=evil\n');
    workspace.git('config', '--file', '.git/config', 'include.path', evil);
    workspace.git('config', '--file', '.git/config', 'includeIf.onbranch:main.path', evil);
    workspace.git('config', '--file', '.git/config', 'extensions.worktreeConfig', 'true');
    writeFileSync(
      join(workspace.root, '.git/config.worktree'),
      `[core]\n\tfsmonitor = ${trap('worktree')}\n`,
    );
    const sub = join(workspace.root, 'sub');
    mkdirSync(sub);
    const submodule = (...args: string[]): void => {
      const identity = ['-c', 'user.name=x', '-c', 'user.email=x', '-c', `safe.directory=${sub}`];
      execFileSync('git', [...identity, ...args], {
        cwd: sub,
        env: { PATH: process.env.PATH, HOME: workspace.stateDir },
      });
    };
    submodule('init', '-q');
    writeFileSync(join(sub, 'f'), 'x');
    submodule('add', 'f');
    submodule('commit', '-qm', 'x');
    const gitlink = execFileSync('git', ['-c', `safe.directory=${sub}`, 'rev-parse', 'HEAD'], {
      cwd: sub,
      encoding: 'utf8',
    }).trim();
    writeFileSync(
      join(sub, '.git/config'),
      `[core]\n\trepositoryformatversion = 0\n\tfsmonitor = ${trap('submodule')}\n[filter "evil"]\n\tclean = ${trap('submodule-clean')}\n`,
    );
    writeFileSync(join(sub, '.git/info/attributes'), '* filter=evil\n');
    writeFileSync(join(sub, 'f'), 'changed');
    writeFileSync(
      join(workspace.root, '.gitmodules'),
      '[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n\tignore = none\n',
    );
    await workspace.engine.gitCommit({ message: 'settings' });
    if (isRoot) execFileSync('chown', ['-R', `${NOBODY.uid}:${NOBODY.gid}`, sub]);
    workspace.git(
      '-c',
      'core.fsmonitor=false',
      '-c',
      'filter.evil.clean=',
      '-c',
      'filter.evil.smudge=',
      'update-index',
      '--add',
      '--cacheinfo',
      `160000,${gitlink},sub`,
    );
    for (const name of ran()) rmSync(join(evidence, name));
    await useEverything();
    expect(ran()).toEqual([]);
  });

  it('run nothing while they are being changed during the calls', async () => {
    writeFileSync(join(workspace.root, '.gitattributes'), '* filter=evil diff=evil\n');
    const config = `[filter "evil"]\n\tclean = ${trap('clean')}\n\tsmudge = ${trap('smudge')}\n[core]\n\tfsmonitor = ${trap('fsmonitor')}\n`;
    const stop = new AbortController();
    const swapping = (async () => {
      for (let turn = 0; !stop.signal.aborted; turn += 1) {
        const next = join(workspace.root, '.git/config.next');
        writeFileSync(next, turn % 2 === 0 ? config : '[core]\n\trepositoryformatversion = 0\n');
        renameSync(next, join(workspace.root, '.git/config'));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    try {
      await useEverything();
    } finally {
      stop.abort();
      await swapping;
    }
    expect(ran()).toEqual([]);
  });

  it('would have run, had plain git been used: the traps work', () => {
    workspace.git('config', '--file', '.git/config', 'core.fsmonitor', trap('fsmonitor'));
    workspace.git('status');
    expect(existsSync(join(evidence, 'fsmonitor'))).toBe(true);
  });

  it.runIf(isRoot)(
    'run as the workspace’s user even where git itself is run: nothing new belongs to root',
    async () => {
      await useEverything();
      const foreign = execFileSync('find', [workspace.root, '!', '-uid', String(NOBODY.uid)], {
        encoding: 'utf8',
      });
      expect(foreign).toBe('');
    },
  );
});
