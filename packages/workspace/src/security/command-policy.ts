import { isCallOf, whyNotAllowed } from './command-policy-allow.ts';
import { findHazards } from './command-policy-hazards.ts';
import { type CommandPolicy, DEFAULT_COMMAND_POLICY, matchesRule } from './command-policy-rules.ts';
import {
  MAX_LINE_BYTES,
  type ParsedLine,
  parseShellLine,
  type ShellCommand,
  ShellSyntaxError,
  type ShellWord,
} from './command-policy-shell.ts';
import { commandName, type Unwrapped, unwrap } from './command-policy-wrappers.ts';

export {
  type CommandPolicy,
  DEFAULT_COMMAND_POLICY,
  READ_ONLY_COMMAND_POLICY,
} from './command-policy-rules.ts';

export type Decision = 'allow' | 'ask' | 'deny';

/** What may become of a command line, and why. */
export interface CommandDecision {
  decision: Decision;
  /** One sentence for people. */
  reason: string;
  /** Every command found in the line, nested ones included, as far as they can be told. */
  commands: string[];
}

interface Verdict {
  decision: Decision;
  reason: string;
}

const RANK: Record<Decision, number> = { allow: 0, ask: 1, deny: 2 };
const MAX_NESTING = 16;
/** Beyond any honest line; each costs a look. */
const MAX_COMMANDS = 1000;

/**
 * Judges a shell line by everything it would run: each command of it, in pipes, lists, substitutions, here-documents,
 * functions, and in what it hands to shells, `env`, `xargs`, `find -exec` and their like. The strictest verdict counts.
 *
 * This is a guard against accidents and a source of questions, not a wall: a program may do anything once it runs.
 *
 * @param line as given to bash
 */
export function decideCommand(line: string, policy: CommandPolicy = DEFAULT_COMMAND_POLICY): CommandDecision {
  const judge = new Judge(policy);
  judge.line(line, 0);
  return judge.result();
}

class Judge {
  readonly #policy: CommandPolicy;
  readonly #commands: string[] = [];
  #worst: Verdict = { decision: 'allow', reason: 'Nothing in it needs a question.' };

  constructor(policy: CommandPolicy) {
    this.#policy = policy;
  }

  result(): CommandDecision {
    return { ...this.#worst, commands: this.#commands };
  }

  line(line: string, depth: number): void {
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) {
      this.#judged('deny', 'The line is longer than can be checked.');
    } else if (depth > MAX_NESTING) {
      this.#judged('deny', 'The line is nested too deeply to be checked.');
    } else {
      this.#parsed(line, depth);
    }
  }

  #parsed(line: string, depth: number): void {
    let parsed: ParsedLine;
    try {
      parsed = parseShellLine(line);
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      this.#judged(error.isTooDeep ? 'deny' : 'ask', `The line cannot be checked: ${error.message}.`);
      return;
    }
    if (parsed.hasArithmetic && this.#isAllowList) {
      this.#judged('ask', 'Arithmetic in the line can run code.');
    }
    this.#forkBombs(parsed);
    for (const command of parsed.commands) this.#command(command, parsed, depth);
  }

  get #isAllowList(): boolean {
    return this.#policy.mode === 'allow-list';
  }

  #command(command: ShellCommand, parsed: ParsedLine, depth: number): void {
    if (this.#commands.length >= MAX_COMMANDS) {
      this.#judged('deny', 'The line holds more commands than can be checked.');
      return;
    }
    const shown = command.words.map(({ text, source }) => text ?? source).join(' ');
    if (shown !== '') this.#commands.push(shown);
    for (const { decision, reason } of findHazards(command)) this.#judged(decision, `${shown}: ${reason}.`);
    this.#rules(command, shown);
    const runs = unwrap(command);
    for (const run of runs) this.#nested(run, command, parsed, depth);
    const isWrapper = runs.some(({ kind }) => kind !== 'plain') && runs.length === 1;
    if (this.#isAllowList && !isWrapper && !isCallOf(parsed.functions, command.words)) {
      this.#allowListed(command, shown);
    } else if (this.#isAllowList) {
      // Of a wrapper or a function only the surroundings count here: what it runs is judged by itself.
      this.#allowListed({ ...command, words: command.words.filter(({ isRisky }) => isRisky) }, shown);
    }
  }

  #nested(run: Unwrapped, command: ShellCommand, parsed: ParsedLine, depth: number): void {
    if (run.kind === 'line') this.line(run.line, depth + 1);
    if (run.kind === 'command') {
      if (depth + 1 > MAX_NESTING) this.#judged('deny', 'The line is nested too deeply to be checked.');
      else
        this.#command(
          { ...command, words: run.words, redirects: innerRedirects(command) },
          parsed,
          depth + 1,
        );
    }
    if (run.kind !== 'unknown') return;
    this.#hiddenDenied(command);
    const isScript = run.what.startsWith('the script ');
    if (this.#isAllowList || !isScript) this.#judged('ask', `It cannot be told beforehand: ${run.what}.`);
  }

  #rules(command: ShellCommand, shown: string): void {
    const name = commandName(command.words);
    if (command.words.length > 0 && name === null) {
      this.#judged('ask', `Which command ${command.words[0]?.source ?? ''} is cannot be told beforehand.`);
      return;
    }
    const words = [name, ...command.words.slice(1).map(({ text }) => text)];
    const { allow, ask, deny } = this.#policy;
    const denied = deny.find((rule) => matchesRule(rule, words));
    if (denied !== undefined) this.#judged('deny', `${shown}: the policy denies ${denied}.`);
    const asked = ask.find((rule) => matchesRule(rule, words));
    if (asked === undefined || allow.some((rule) => matchesRule(rule, words))) return;
    this.#judged('ask', `${shown}: the policy asks before ${asked}.`);
  }

  /** Where the words of a wrapper cannot be told apart, a denied name among them is taken for what it runs. */
  #hiddenDenied({ words }: ShellCommand): void {
    for (const name of words.slice(1).flatMap(likelyNames)) {
      const rule = this.#policy.deny.find((denied) => !denied.includes(' ') && matchesRule(denied, [name]));
      if (rule !== undefined) this.#judged('deny', `The policy denies ${rule}.`);
    }
  }

  #allowListed(command: ShellCommand, shown: string): void {
    const reason = whyNotAllowed(command, this.#policy.allow);
    if (reason !== undefined) this.#judged('ask', `${shown === '' ? 'The line' : shown}: ${reason}.`);
  }

  /** A function that calls itself twice over multiplies without end. */
  #forkBombs({ functions }: ParsedLine): void {
    for (const [name, body] of functions) {
      const calls = body.filter(({ words }) => words[0]?.text === name);
      const isPiped = calls.some(({ pipedFrom }) => pipedFrom?.words[0]?.text === name);
      if (isPiped || calls.length > 1) this.#judged('deny', `The function ${name} multiplies itself.`);
    }
  }

  #judged(decision: Decision, reason: string): void {
    if (RANK[decision] > RANK[this.#worst.decision]) this.#worst = { decision, reason };
  }
}

/** What stands where a command's name would, if this word were a line. */
function likelyNames({ text, source }: ShellWord): string[] {
  const pieces = (text ?? source.replace(/^["']/, '')).split(/[;&|()`\n]/);
  const names = pieces.map((piece) => piece.trim().split(/\s/)[0] ?? '');
  return names.map((name) => name.slice(name.lastIndexOf('/') + 1));
}

/** Redirects belong to the wrapper, but feed what it runs. */
function innerRedirects({ redirects }: ShellCommand): ShellCommand['redirects'] {
  return redirects.filter(({ operator }) => operator.startsWith('<'));
}
