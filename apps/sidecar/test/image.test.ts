import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

describe('the image', () => {
  it('makes its compile cache with the options of V8 that it is used with: others would make it worthless', async () => {
    const text = await readFile(new URL('../Dockerfile', import.meta.url), 'utf8');
    const entry = /^ENTRYPOINT (\[.*\])$/m.exec(text)?.[1] ?? '[]';
    const cached = /^RUN node \S+\/compile\.mjs (.*)$/m.exec(text)?.[1];
    expect(cached?.split(' ')).toEqual(JSON.parse(entry));
  });
});
