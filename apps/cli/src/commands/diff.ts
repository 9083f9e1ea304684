import type { CliContext } from '../context.ts';
import { printable } from '../render/output.ts';
import { withServer } from '../server/with-server.ts';
import { findTask } from '../task-id.ts';

/** `shadow diff`: what a task changed against its base, as a unified diff that `git apply` takes. */
export async function printDiff(context: CliContext, id: string): Promise<void> {
  const { output } = context;
  await withServer(context, { start: true }, async ({ api }) => {
    const { id: taskId } = await findTask(api, id);
    const diff = await api.getDiff({ params: { taskId }, signal: context.interrupt.signal });
    // On a terminal nothing of a file may steer it; into a pipe the patch goes as it is.
    const clean = process.stdout.isTTY ? printable : (text: string) => text;
    for (const file of diff.files) {
      if (file.patch !== '') output.write(clean(file.patch.endsWith('\n') ? file.patch : `${file.patch}\n`));
      if (file.binary) output.note(`${file.path}: binary, ${file.status}`);
      else if (file.truncated) output.note(`${file.path}: too long, the rest of its patch is left out`);
    }
    if (diff.files.length === 0) output.note('Nothing was changed.');
  });
}
