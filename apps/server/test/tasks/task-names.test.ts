import { describe, expect, it } from 'vitest';
import { toStorableJson } from '../../src/tasks/storable-json.ts';
import { newTaskId } from '../../src/tasks/task-id.ts';
import { branchFor, commitSubject, titleFrom } from '../../src/tasks/task-names.ts';

describe('names made from a prompt', () => {
  it('takes the first line that says something as the title', () => {
    expect(titleFrom('\n  \n  Fix   the parser\nand more')).toBe('Fix the parser');
  });

  it('shortens a long title at a word and marks it', () => {
    const title = titleFrom('word '.repeat(40));
    expect([...title].length).toBeLessThanOrEqual(80);
    expect(title).toMatch(/word…$/);
  });

  it.each(['Ärger mit Übung!', '修正', '../../etc', '-rf', '🙂🙂', 'a'.repeat(300), '...', 'x.lock'])(
    'makes a valid branch name of %j',
    (title) => {
      expect(branchFor({ id: newTaskId(), title })).toMatch(/^shadow\/[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{8}$/);
    },
  );

  it('never splits a character in a commit subject', () => {
    expect(commitSubject('🙂'.repeat(200)).isWellFormed()).toBe(true);
  });
});

describe('task ids', () => {
  it('sort by time', () => {
    expect(newTaskId(1_000) < newTaskId(2_000)).toBe(true);
  });
});

describe('storable JSON', () => {
  it('replaces what jsonb refuses and keeps the rest', () => {
    expect(JSON.parse(toStorableJson({ text: 'a\0b\ud800c', good: '🙂' }))).toEqual({
      text: 'a\ufffdb\ufffdc',
      good: '🙂',
    });
  });
});
