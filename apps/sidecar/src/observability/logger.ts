import { destination, type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

/** The log: JSON lines on standard error, written at once, so that a kill loses none. */
export function createLogger(level: Config['logLevel']): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['token', '*.token', 'authorization', '*.authorization'], censor: '[secret]' },
    },
    destination({ dest: 2, sync: true }),
  );
}
