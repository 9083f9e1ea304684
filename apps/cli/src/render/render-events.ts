import type { TaskEvent, Usage } from '@shadow/protocol';
import { type Output, oneLine, printable } from './output.ts';

/** Lines of a failed call's output that are shown. */
const FAILURE_LINES = 20;

/** Tools whose success shows as an event of its own. */
const SHOWN_OTHERWISE: ReadonlySet<string> = new Set(['todoWrite']);

type Event<Type extends TaskEvent['type']> = Extract<TaskEvent, { type: Type }>;

/** Writes a task's events for people as they come: text as it streams, a row for each tool call. */
export class EventRenderer {
  readonly #output: Output;
  readonly #calls = new Map<string, string>();
  /** The call whose row was written last, so that its result can follow it. */
  #lastCall: string | null = null;
  #streaming: string | null = null;
  /** What a preparation step failed of: its turn fails of the same. */
  #toldFailure: string | null = null;

  constructor(output: Output) {
    this.#output = output;
  }

  render(event: TaskEvent): void {
    switch (event.type) {
      case 'message-delta':
        this.#delta(event);
        break;
      case 'init-step':
        this.#step(event);
        break;
      case 'tool-call':
        this.#call(event);
        break;
      case 'tool-result':
        this.#result(event);
        break;
      case 'turn-finished':
        this.#turnFinished(event);
        break;
      default:
        this.#fact(event);
    }
  }

  /** Events that are told in one line, or not at all. */
  #fact(event: TaskEvent): void {
    const { style } = this.#output;
    if (event.type === 'user-message') {
      this.#line(style('bold', `> ${printable(event.text).replaceAll('\n', '\n> ')}`));
    } else if (event.type === 'workspace') {
      this.#dim(`on ${oneLine(event.branch)} from ${oneLine(event.baseBranch)}`);
    } else if (event.type === 'approval-requested') {
      this.#line(style('yellow', `? ${event.approval.tool}: ${oneLine(event.approval.reason)}`));
    } else if (event.type === 'approval-answered') {
      this.#dim(`  ${event.approval.status}`);
    } else if (event.type === 'todo') {
      this.#dim(todoLine(event.items));
    } else if (event.type === 'commit') {
      const counts = `(+${event.additions} −${event.deletions})`;
      this.#line(
        `${style('green', 'commit')} ${event.commit.slice(0, 10)} ${oneLine(event.subject)} ${counts}`,
      );
    } else if (event.type === 'notice') {
      if (event.level === 'warning') this.#line(style('yellow', `! ${oneLine(event.message)}`));
      else this.#dim(oneLine(event.message));
    }
  }

  #delta(event: Event<'message-delta'>): void {
    const part = `${event.messageId} ${event.kind}`;
    if (this.#streaming !== part) this.#line('');
    this.#streaming = part;
    this.#lastCall = null;
    const text = printable(event.text);
    this.#output.write(event.kind === 'reasoning' ? this.#output.style('dim', text) : text);
  }

  #step(event: Event<'init-step'>): void {
    if (event.status === 'completed') this.#dim(`✓ ${event.name}${milliseconds(event.durationMs)}`);
    if (event.status === 'failed')
      this.#failed(`✗ ${event.name}: ${oneLine(event.error?.message ?? 'failed')}`);
  }

  #call(event: Event<'tool-call'>): void {
    if (SHOWN_OTHERWISE.has(event.tool)) return;
    const label = `${event.tool} ${oneLine(event.target)}`.trim();
    // A call that goes on after its approval has its row already.
    if (this.#calls.get(event.toolCallId) !== label) this.#line(this.#output.style('cyan', `▸ ${label}`));
    this.#calls.set(event.toolCallId, label);
    this.#lastCall = event.toolCallId;
  }

  #result(event: Event<'tool-result'>): void {
    const succeeded = event.outcome === 'succeeded';
    if (succeeded && SHOWN_OTHERWISE.has(event.tool)) return;
    const label = this.#calls.get(event.toolCallId) ?? event.tool;
    const named = this.#lastCall === event.toolCallId ? '' : ` ${label} ·`;
    const summary = oneLine(event.summary === '' ? event.outcome : event.summary);
    const mark = succeeded ? this.#output.style('green', '✓') : this.#output.style('red', '✗');
    this.#line(`  ${mark}${named} ${this.#output.style('dim', summary)}`);
    this.#calls.delete(event.toolCallId);
    const isWrong = !succeeded || (event.exitCode ?? 0) !== 0;
    if (!isWrong || event.preview.trim() === '') return;
    const tail = printable(event.preview).trimEnd().split('\n').slice(-FAILURE_LINES);
    for (const text of tail) this.#line(this.#output.style('dim', `    ${text}`));
  }

  #turnFinished(event: Event<'turn-finished'>): void {
    if (event.status === 'awaiting-approval') return;
    this.#line('');
    this.#dim(`${event.status}${milliseconds(event.durationMs)} · ${spent(event.usage)}`);
    const message = event.error === null ? null : oneLine(event.error.message);
    if (message !== null && message !== this.#toldFailure) this.#failed(`✗ ${message}`);
  }

  #line(text: string): void {
    this.#lastCall = null;
    this.#streaming = null;
    this.#output.line(text);
  }

  #dim(text: string): void {
    this.#line(this.#output.style('dim', text));
  }

  #failed(text: string): void {
    this.#line(this.#output.style('red', text));
  }
}

function todoLine(items: Event<'todo'>['items']): string {
  const done = items.filter(({ status }) => status === 'completed').length;
  const current = items.find(({ status }) => status === 'in-progress');
  return `${done}/${items.length} done${current === undefined ? '' : ` · ${oneLine(current.text)}`}`;
}

/** Tokens and dollars in one phrase. */
function spent(usage: Usage): string {
  const cost = usage.costUsd === null ? 'cost unknown' : `$${usage.costUsd.toFixed(4)}`;
  return `${usage.inputTokens} tokens in, ${usage.outputTokens} out · ${cost}`;
}

function milliseconds(duration: number | null): string {
  if (duration === null) return '';
  return duration < 10_000 ? ` ${Math.round(duration)} ms` : ` ${Math.round(duration / 1000)} s`;
}
