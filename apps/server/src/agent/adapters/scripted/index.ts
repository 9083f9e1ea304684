import type { AgentRunner } from '../../contract.ts';
import { demoPlaybook } from './demo.ts';
import { type Playbook, playScript } from './playbook.ts';
import type { Script } from './script.ts';
import { createScriptedRunner, realClock, type ScriptClock } from './scripted-runner.ts';

/** What the scripted models are made from. */
export interface ScriptedOptions {
  /** Scripts by name, besides the demo: `scripted/<name>`. */
  scripts?: Readonly<Record<string, Script>>;
  clock?: ScriptClock;
}

/** The scripted "models" by name. */
export interface ScriptedModels {
  readonly names: readonly string[];
  /** The runner of a name, or null when there is no such script. */
  createRunner(name: string): AgentRunner | null;
}

/**
 * Puts the demo and the given scripts together.
 * @param options scripts by name and the clock of their pauses
 */
export function createScriptedModels(options: ScriptedOptions = {}): ScriptedModels {
  const playbooks = new Map<string, Playbook>([['demo', demoPlaybook]]);
  for (const [name, script] of Object.entries(options.scripts ?? {})) playbooks.set(name, playScript(script));
  return {
    names: [...playbooks.keys()],
    createRunner(name) {
      const playbook = playbooks.get(name);
      return playbook === undefined ? null : createScriptedRunner(playbook, options.clock ?? realClock);
    },
  };
}
