import { createInterface, type Interface } from 'node:readline';
import type { ApiClient } from '@shadow/client';
import type { Approval, TaskEvent } from '@shadow/protocol';
import { type Output, oneLine } from './render/output.ts';

/**
 * The questions of a task while a person watches it: asked on a terminal, one after the other; elsewhere they are told
 * how to answer, and the task waits.
 */
export class ApprovalPrompt {
  readonly #output: Output;
  readonly #api: ApiClient;
  readonly #interactive: boolean;
  readonly #waiting = new Map<string, Approval>();
  #reader: Interface | undefined;

  /** @param options `interactive` false never asks, even on a terminal */
  constructor(output: Output, api: ApiClient, options: { interactive: boolean }) {
    this.#output = output;
    this.#api = api;
    this.#interactive = options.interactive && process.stdin.isTTY === true && process.stdout.isTTY === true;
  }

  see(event: TaskEvent): void {
    if (event.type === 'approval-requested') this.#ask(event.approval);
    if (event.type === 'approval-answered') this.#settled(event.approval.id);
    // A stop answers all questions without an event for each.
    if (event.type === 'status' && event.status === 'stopped') this.close();
  }

  close(): void {
    this.#waiting.clear();
    this.#reader?.close();
    this.#reader = undefined;
  }

  #ask(approval: Approval): void {
    if (!this.#interactive) {
      this.#output.note(
        `Waiting for an answer: ${approval.tool} (${oneLine(approval.reason)}). Answer in the web UI or with\n` +
          `  shadow approve ${approval.taskId}\n  shadow deny ${approval.taskId}`,
      );
      return;
    }
    this.#waiting.set(approval.id, approval);
    if (this.#reader === undefined) this.#next();
  }

  #settled(approvalId: string): void {
    this.#waiting.delete(approvalId);
    this.#reader?.close();
    this.#reader = undefined;
    this.#next();
  }

  #next(): void {
    const [approval] = this.#waiting.values();
    if (approval === undefined) return;
    const reader = createInterface({ input: process.stdin, output: process.stdout });
    this.#reader = reader;
    // Readline takes Ctrl+C for itself on a terminal.
    reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    this.#output.line(oneLine(JSON.stringify(approval.input)).slice(0, 2000));
    reader.question(`Allow ${approval.tool}? [y/N] `, (answer) => {
      const decision = /^y(es)?$/i.test(answer.trim()) ? 'allow' : 'deny';
      const params = { taskId: approval.taskId, approvalId: approval.id };
      this.#api.answerApproval({ params, body: { decision, scope: 'once' } }).catch((error: unknown) => {
        this.#output.error(error instanceof Error ? error.message : String(error));
      });
    });
  }
}
