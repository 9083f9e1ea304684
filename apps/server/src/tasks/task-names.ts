const MAX_TITLE = 80;
const MAX_SUBJECT = 72;
const MAX_SLUG = 40;

/** The first line of a prompt, shortened at a word. */
export function titleFrom(prompt: string): string {
  return shorten(firstLine(prompt), MAX_TITLE);
}

/** First line of a commit message. */
export function commitSubject(text: string): string {
  return shorten(firstLine(text), MAX_SUBJECT);
}

/** `shadow/<slug>-<id>`: readable, unique, and a valid branch name whatever the prompt was. */
export function branchFor(task: { id: string; title: string }): string {
  const slug = task.title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG)
    .replace(/^-+|-+$/g, '');
  // The tail of a version 7 UUID is its random part.
  const id = task.id.replaceAll('-', '').slice(-8);
  return slug === '' ? `shadow/task-${id}` : `shadow/${slug}-${id}`;
}

function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .map((line) => line.replace(/[\p{Cc}\s]+/gu, ' ').trim())
      .find((line) => line !== '') ?? 'Task'
  );
}

function shorten(text: string, length: number): string {
  const characters = [...text];
  if (characters.length <= length) return text;
  const cut = characters.slice(0, length - 1).join('');
  const space = cut.lastIndexOf(' ');
  return `${space > length / 2 ? cut.slice(0, space) : cut}…`;
}
