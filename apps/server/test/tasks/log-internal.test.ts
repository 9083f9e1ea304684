import { ShadowError, toShadowError } from '@shadow/protocol';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { logInternal } from '../../src/tasks/log-internal.ts';

const Line = z.looseObject({ level: z.number(), err: z.object({ message: z.string(), stack: z.string() }) });

function keptLog() {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  return { log, lines };
}

it('writes the cause of an error that became data on its way, with its stack', () => {
  const { log, lines } = keptLog();
  const data = toShadowError(new TypeError('of what it is')).toOperationError();
  expect(JSON.stringify(data)).not.toContain('of what it is');
  logInternal(log, ShadowError.from(data), { taskId: 'one', step: 'CREATE_POD' }, 'a step failed');
  const line = Line.parse(JSON.parse(lines[0] ?? ''));
  expect(line).toMatchObject({ level: 50, taskId: 'one', step: 'CREATE_POD', msg: 'a step failed' });
  expect(line.err.message).toContain('of what it is');
  expect(line.err.stack).toMatch(/TypeError: of what it is\n\s+at .*log-internal\.test/);
});

it('writes it once, and nothing of an error that says itself what is wrong', () => {
  const { log, lines } = keptLog();
  const error = toShadowError(new Error('why'));
  logInternal(log, error, { step: 'CREATE_POD' }, 'a step failed');
  logInternal(log, error, {}, 'a turn failed');
  logInternal(log, new ShadowError('POD_FAILED', 'No node takes the pod.'), {}, 'a turn failed');
  expect(lines).toHaveLength(1);
});

it('writes nothing that the cause holds beside its words', () => {
  const { log, lines } = keptLog();
  const config = { headers: { Authorization: 'Bearer hidden-token' } };
  const request = Object.assign(new Error('socket hang up'), { config, request: { config } });
  logInternal(log, toShadowError(new Error('no answer', { cause: request })), {}, 'a step failed');
  expect(lines[0]).toContain('socket hang up');
  expect(lines[0]).not.toContain('hidden-token');
});
