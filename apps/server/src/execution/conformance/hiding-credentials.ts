import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { ended, run, start, until } from './expectations.ts';
import { CREDENTIAL, type RemoteSubject } from './remote-subject.ts';

const branch = 'shadow/work';
const ENCODED = Buffer.from(`${CREDENTIAL.username}:${CREDENTIAL.password}`).toString('base64');

/** Says each process whose environment or arguments hold the secret, which it reads; ends with its input. */
const LOOK = `
read secret
look() {
  for process in /proc/[0-9]*; do
    case "$(cat $process/environ $process/cmdline 2>/dev/null | tr '\\0' ' ')" in
      *"$secret"*) echo "FOUND $process";;
    esac
  done
}
`;

/** What a credential leaves behind: nothing. */
export function hidingCredentials(subject: RemoteSubject): void {
  it('is nowhere in the workspace after cloning and pushing', async () => {
    await cloneAndPush(subject);
    if (!subject.shared.hasRealShell) {
      const { matches } = unwrap(await subject.executor.grepSearch({ pattern: CREDENTIAL.password }));
      expect(matches).toEqual([]);
      return;
    }
    for (const secret of [CREDENTIAL.password, ENCODED]) {
      const { stdout: output } = await run(subject.executor, {
        command: 'grep -rlaF -f - . "$HOME"; find . -path "*.git*" -name "*credential*"; cat .git/config',
        stdin: `${secret}\n`,
      });
      expect(output).not.toContain(secret);
      expect(output.split('\n[')[0]).toMatch(/^\[core\]/);
    }
  });

  it('is in no environment and no arguments of a process afterwards', async () => {
    await cloneAndPush(subject);
    if (!subject.shared.hasRealShell) return;
    const { stdout: output } = await run(subject.executor, {
      command: `${LOOK} look; echo looked`,
      stdin: `${CREDENTIAL.password}\n`,
    });
    expect(output).toBe('looked\n');
  });

  it('is in none meanwhile either', async () => {
    const { url } = await subject.repository(CREDENTIAL);
    await subject.clone({ url, branch, credential: CREDENTIAL });
    if (!subject.shared.hasRealShell) return;
    const { processId } = await start(subject.executor, {
      command: `${LOOK} while [ ! -e stop ]; do look; : > looking; done; echo looked`,
      stdin: `${CREDENTIAL.password}\n`,
    });
    await until(async () => (await subject.executor.statFile({ path: 'looking' })).success, 'the look');
    for (const count of [1, 2, 3]) {
      await subject.work(`work-${count}.txt`);
      unwrap(await subject.executor.gitPush({ url, branch, credential: CREDENTIAL }));
    }
    await subject.shared.seed.file('stop', '');
    await ended(subject.executor, processId);
    let text = '';
    for await (const frame of subject.executor.readOutput({ processId })) {
      if (frame.type === 'data') text += Buffer.from(frame.data).toString('utf8');
    }
    expect(text).toBe('looked\n');
  });

  it('stands in no progress and no error', async () => {
    const { url } = await subject.repository(CREDENTIAL);
    const lines: string[] = [];
    const onProgress = (text: string): void => void lines.push(text);
    const wrong = { ...CREDENTIAL, username: 'someone' };
    const refused = await subject.executor.gitClone({ url, branch, credential: wrong }, { onProgress });
    unwrap(await subject.executor.gitClone({ url, branch, credential: CREDENTIAL }, { onProgress }));
    expect(JSON.stringify([refused, lines])).not.toContain(CREDENTIAL.password);
  });
}

async function cloneAndPush(subject: RemoteSubject): Promise<void> {
  const { url } = await subject.repository(CREDENTIAL);
  await subject.clone({ url, branch, credential: CREDENTIAL });
  await subject.work();
  unwrap(await subject.executor.gitPush({ url, branch, credential: CREDENTIAL }));
}
