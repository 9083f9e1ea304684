import { playFollowUp } from './demo-follow-up.ts';
import { isSample, playSample } from './demo-sample.ts';
import { playTour } from './demo-tour.ts';
import type { Playbook } from './playbook.ts';

/**
 * The demo without a key: it mends the bundled sample repository, looks around in any other, and answers follow-ups.
 * Everything it says is true of what its tools returned.
 */
export const demoPlaybook: Playbook = (scene) => {
  if (scene.turn > 0) return playFollowUp(scene);
  if (scene.position === 0) {
    return {
      reasoning: 'First a look at what is here.',
      text: 'I will look around first. (This is the scripted demo: no model is connected, but the tools are real.)',
      calls: [{ tool: 'listDirectory', input: { recursive: true, maxDepth: 3 } }],
      delayMs: 300,
    };
  }
  return isSample(scene) ? playSample(scene) : playTour(scene);
};
