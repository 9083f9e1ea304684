import { describe, expect, it } from 'vitest';
import { commandsOf, NOT_RUN, RUN_IN_CLUSTER, readPage, TESTED_OTHERWISE } from './support/doc-commands.ts';

describe('docs/deployment.md', () => {
  it('has no command of which nobody knows whether it was run', async () => {
    const known = [...RUN_IN_CLUSTER, ...Object.keys(TESTED_OTHERWISE), ...NOT_RUN];
    expect(commandsOf(await readPage()).toSorted()).toEqual(known.toSorted());
  });

  it('says itself which ones were not', async () => {
    const [, section = ''] = (await readPage()).split('## What of this page is tested\n');
    for (const command of NOT_RUN) {
      const name = /^(npm run images|docker compose|kind|pg_dump)/.exec(command)?.[0];
      if (name !== undefined) expect(section).toContain(name);
    }
    for (const what of ['Amazon EKS', 'production overlay', 'Pod Security']) expect(section).toContain(what);
  });
});
