import { type Logger, pino } from 'pino';
import { textLine } from './text-line.ts';

export interface LoggerOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly format: 'text' | 'json';
  /** Values that are masked wherever they turn up, such as in a library's error text. */
  readonly secrets: readonly string[];
  /** Gets whole lines; standard error by default, so that standard output stays for what was asked for. */
  readonly write?: (line: string) => void;
}

/** Fields that hold a secret by their name, at the top and one level down. */
const SECRET_FIELDS = ['authorization', 'cookie', 'apiKey', 'token', 'password', 'secret'];

/** The server's log. Call sites give fields first and a message of fixed words second. */
export function createLogger(options: LoggerOptions): Logger {
  const write = options.write ?? ((line: string) => process.stderr.write(line));
  const mask = masker(options.secrets);
  const format = options.format === 'text' ? textLine : (line: string) => line;
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*["x-api-key"]`]),
        censor: '[secret]',
      },
    },
    { write: (line) => write(mask(format(line))) },
  );
}

function masker(secrets: readonly string[]): (line: string) => string {
  // A line holds values as JSON strings, so a secret with a quote or backslash turns up escaped. Longest first: a
  // secret inside another one must not leave the other's rest behind.
  const forms = [...new Set(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))].sort(
    (a, b) => b.length - a.length,
  );
  return (line) => forms.reduce((masked, secret) => masked.replaceAll(secret, '[secret]'), line);
}
