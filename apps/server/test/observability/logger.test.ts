import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../../src/observability/logger.ts';

function logWith(
  options: Partial<LoggerOptions>,
  use: (logger: ReturnType<typeof createLogger>) => void,
): string {
  const lines: string[] = [];
  use(
    createLogger({
      level: 'info',
      format: 'json',
      secrets: [],
      write: (line) => lines.push(line),
      ...options,
    }),
  );
  return lines.join('');
}

describe('the log', () => {
  it('is a JSON object a line for machines', () => {
    const line = logWith({}, (logger) =>
      logger.child({ component: 'HTTP' }).warn({ status: 500 }, 'request failed'),
    );
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      component: 'HTTP',
      status: 500,
      msg: 'request failed',
    });
  });

  it('is a line of text for people, with the stack of an error below it', () => {
    const text = logWith({ format: 'text' }, (logger) => {
      logger.child({ component: 'HTTP' }).info({ method: 'GET', path: '/a b', status: 200 }, 'request');
      logger.error({ err: new Error('broken') }, 'failed');
    });
    expect(text).toMatch(/^\d\d:\d\d:\d\d INFO {2}\[HTTP\] request method=GET path="\/a b" status=200\n/);
    expect(text).toMatch(/ERROR failed\n {4}Error: broken\n {8}at /);
  });

  it('keeps a logged value from forging a line', () => {
    const text = logWith({ format: 'text' }, (logger) =>
      logger.info({ name: 'x\n00:00:00 ERROR fake' }, 'named'),
    );
    expect(text.trimEnd().split('\n')).toHaveLength(1);
  });

  it('leaves out what is below its level', () => {
    expect(logWith({ level: 'warn' }, (logger) => logger.info('quiet'))).toBe('');
  });

  it.each(['text', 'json'] as const)('masks secrets wherever they turn up, as %s', (format) => {
    const secrets = ['key-123456', 'key-123456-longer', 'with"quote'];
    const text = logWith({ format, secrets }, (logger) => {
      logger.info(
        { url: 'https://key-123456@host', reason: 'has with"quote' },
        'key-123456-longer was refused',
      );
      logger.error({ err: new Error('401 for key-123456') }, 'failed');
    });
    expect(text).not.toMatch(/key-123456|longer|with\\?"quote/);
  });

  it('masks fields that hold a secret by their name', () => {
    const text = logWith({}, (logger) =>
      logger.info(
        { apiKey: 'aaaa', headers: { 'x-api-key': 'bbbb', cookie: 'cccc', authorization: 'dddd' } },
        'x',
      ),
    );
    expect(text).not.toMatch(/aaaa|bbbb|cccc|dddd/);
  });
});
