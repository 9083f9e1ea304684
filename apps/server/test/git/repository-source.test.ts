import { describe, expect, it } from 'vitest';
import { parseRepository } from '../../src/git/repository-source.ts';

const options = { samplePath: '/sample', allowLocal: true };

describe('parseRepository', () => {
  it.each([
    ['https://example.com/team/tool.git', 'remote', 'tool'],
    ['ssh://git@example.com:2222/team/tool', 'remote', 'tool'],
    ['git@example.com:team/tool.git', 'remote', 'tool'],
    ['/srv/code/tool', 'local', 'tool'],
    ['file:///srv/code/tool.git', 'local', 'tool'],
    ['sample', 'sample', 'sample'],
  ])('takes %s', (repository, kind, name) => {
    expect(parseRepository(repository, options)).toMatchObject({ kind, name });
  });

  it.each(['', 'tool', '../tool', '--upload-pack=touch /tmp/x', 'ext::sh -c id', 'https://', 'a\nb'])(
    'refuses %j and says what is taken',
    (repository) => {
      expect(() => parseRepository(repository, options)).toThrow(/git URL|not a repository/);
    },
  );

  it('refuses a URL with a password, because it would be stored with the task', () => {
    expect(() => parseRepository('https://me:secret@example.com/a.git', options)).toThrow(/password/);
  });

  it('refuses local paths where they are off', () => {
    expect(() => parseRepository('/srv/code', { ...options, allowLocal: false })).toThrow(
      /ALLOW_LOCAL_REPOSITORIES/,
    );
    expect(() => parseRepository('file:///srv/code', { ...options, allowLocal: false })).toThrow(
      /ALLOW_LOCAL_REPOSITORIES/,
    );
  });
});
