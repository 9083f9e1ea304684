import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { DEFAULT_ADDRESS } from './http/early-listener.ts';
import { digestOf } from './token-digest.ts';

/** Settings that are missing or not valid; the message names each and says what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

// In one step: a chain of schemas for each of so many settings is felt at the start.
const integer = (min: number, max: number, fallback: number) =>
  z
    .string()
    .default(String(fallback))
    .transform((text, { issues }) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= min && value <= max) return value;
      issues.push({ code: 'custom', input: text });
      return z.NEVER;
    });
const absolutePath = z.string().refine((path) => isAbsolute(path));
const flag = z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] });
const KIB = 1024;
const MIB = 1024 * KIB;
const DAY_MS = 86_400_000;

/** Of which a guess is hopeless; shorter tokens are refused at start. */
const MIN_TOKEN_LENGTH = 16;

interface Setting<Schema extends z.ZodType> {
  /** What it does, for docs/configuration.md. */
  readonly description: string;
  /** What a valid value looks like; part of the message about an invalid one. */
  readonly allowed: string;
  readonly schema: Schema;
}

const setting = <Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  allowed: string,
): Setting<Schema> => ({
  schema,
  description,
  allowed,
});

const MILLISECONDS = 'a whole number of milliseconds';
const COUNT = 'a whole number from 1';

/** Every environment variable that the sidecar reads. */
export const settings = {
  SIDECAR_PORT: setting(
    integer(0, 65_535, DEFAULT_ADDRESS.port),
    'Port to listen on; 0 takes any free one. Default 8080.',
    'a whole number from 0 to 65535',
  ),
  SIDECAR_HOST: setting(
    z.string().min(1).default(DEFAULT_ADDRESS.host),
    'Address to listen on. Default 127.0.0.1; in a pod 0.0.0.0.',
    'an IP address or a host name',
  ),
  SIDECAR_METRICS_PORT: setting(
    integer(0, 65_535, 0),
    'Port that serves measurements alone, without a token; 0 opens none. Default 0.',
    'a whole number from 0 to 65535',
  ),
  WORKSPACE_DIR: setting(
    absolutePath,
    'Root of the tree that the sidecar serves; made where it is missing.',
    'an absolute path',
  ),
  SIDECAR_STATE_DIR: setting(
    absolutePath,
    'Directory outside of the tree for output, process records, remembered answers and the code index.',
    'an absolute path',
  ),
  SIDECAR_TOKEN: setting(
    z.string().min(MIN_TOKEN_LENGTH).optional(),
    'The bearer token that every call must carry. This, SIDECAR_TOKEN_FILE or SIDECAR_TOKEN_SHA256 must be set.',
    `at least ${MIN_TOKEN_LENGTH} characters`,
  ),
  SIDECAR_TOKEN_FILE: setting(
    absolutePath.optional(),
    'File that holds the token, such as a mounted secret.',
    'an absolute path',
  ),
  SIDECAR_TOKEN_SHA256: setting(
    z
      .string()
      .regex(/^[0-9a-f]{64}$/i)
      .optional(),
    'SHA-256 of the token, where commands could read the token itself. A claim kept in SIDECAR_STATE_DIR wins over each of the three.',
    '64 hexadecimal digits',
  ),
  SIDECAR_RUN_AS: setting(
    z
      .string()
      .regex(/^\d{1,10}:\d{1,10}$/)
      .optional(),
    'User and group id of commands, git and new files when the sidecar runs as root.',
    'uid:gid',
  ),
  SIDECAR_ISOLATION: setting(
    z.enum(['none', 'bubblewrap', 'bubblewrap-offline']).default('none'),
    'Whether commands run inside bubblewrap, with or without network. Default none: the pod isolates.',
    'none, bubblewrap or bubblewrap-offline',
  ),
  SIDECAR_MAX_BODY_BYTES: setting(
    integer(KIB, 1024 * MIB, 32 * MIB),
    'Largest JSON body. Default 32 MiB.',
    'a whole number of bytes from 1024',
  ),
  SIDECAR_MAX_UPLOAD_BYTES: setting(
    integer(1, 1024 * 1024 * MIB, 1024 * MIB),
    'Largest uploaded file. Default 1 GiB.',
    'a whole number of bytes from 1',
  ),
  SIDECAR_MAX_REQUESTS: setting(
    integer(1, 10_000, 64),
    'Calls worked on at the same time; further ones are refused. Default 64.',
    COUNT,
  ),
  SIDECAR_MAX_STREAMS: setting(
    integer(1, 10_000, 256),
    'Streams and sockets open at the same time; further ones are refused. Default 256.',
    COUNT,
  ),
  SIDECAR_RATE_PER_SECOND: setting(
    integer(1, 1_000_000, 2000),
    'Requests a second from one address. Default 2000.',
    COUNT,
  ),
  SIDECAR_HEADERS_TIMEOUT_MS: setting(
    integer(10, 600_000, 10_000),
    'How long the head of a request may take to arrive. Default 10 s.',
    MILLISECONDS,
  ),
  SIDECAR_BODY_IDLE_MS: setting(
    integer(10, 600_000, 15_000),
    'How long a body may stand still while it is sent. Default 15 s.',
    MILLISECONDS,
  ),
  SIDECAR_REQUEST_TIMEOUT_MS: setting(
    integer(10, DAY_MS, 600_000),
    'How long a whole request may take to arrive. Default 10 min.',
    MILLISECONDS,
  ),
  SIDECAR_DRAIN_MS: setting(
    integer(0, 600_000, 10_000),
    'How long calls under way may go on after the signal to end. Default 10 s.',
    MILLISECONDS,
  ),
  SIDECAR_REMEMBER_MS: setting(
    integer(1000, 30 * DAY_MS, DAY_MS),
    'How long answers of keyed mutations are remembered. Default 24 h.',
    MILLISECONDS,
  ),
  SIDECAR_REMEMBER_ANSWERS: setting(
    integer(1, 1_000_000, 10_000),
    'How many answers of keyed mutations are remembered. Default 10,000.',
    COUNT,
  ),
  SIDECAR_SUPERVISED: setting(
    flag.default(false),
    'Set by the supervisor for its child: the process host is the supervisor, and ends the commands itself.',
    'true or false',
  ),
  LOG_LEVEL: setting(
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    'Least severe level that is logged, as JSON lines on standard error. Default info.',
    'trace, debug, info, warn, error, fatal or silent',
  ),
} as const;

type Values = { [Name in keyof typeof settings]: z.output<(typeof settings)[Name]['schema']> };

/** What the commands may know of the sidecar's own environment. */
const COMMAND_VARIABLES = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SHELL'];

export interface LimitsConfig {
  readonly maxBodyBytes: number;
  readonly maxUploadBytes: number;
  readonly maxRequests: number;
  readonly maxStreams: number;
  readonly ratePerSecond: number;
  readonly headersTimeoutMs: number;
  readonly bodyIdleMs: number;
  readonly requestTimeoutMs: number;
}

export interface Config {
  readonly port: number;
  readonly host: string;
  /** 0: none */
  readonly metricsPort: number;
  readonly workspaceDir: string;
  readonly stateDir: string;
  /** SHA-256 of the token that opens an unclaimed sidecar. */
  readonly tokenDigest: Buffer;
  readonly runAs: { uid: number; gid: number } | undefined;
  readonly isolation: { network: boolean } | undefined;
  readonly limits: LimitsConfig;
  readonly memory: { maxAgeMs: number; maxAnswers: number };
  readonly drainMs: number;
  readonly isSupervised: boolean;
  readonly logLevel: Values['LOG_LEVEL'];
  /** Environment that commands start from; an allow-list, so that the token is never in it. */
  readonly commandEnvironment: Record<string, string>;
}

/**
 * Reads the settings.
 *
 * @param environment the process's environment, unless a test says otherwise
 * @throws ConfigError naming everything that is missing or not valid; no secret is in its message
 */
export function loadConfig(environment: Readonly<NodeJS.ProcessEnv> = process.env): Config {
  const values = parse(environment);
  const runAs = values.SIDECAR_RUN_AS?.split(':').map(Number);
  const isolation = values.SIDECAR_ISOLATION;
  return {
    port: values.SIDECAR_PORT,
    host: values.SIDECAR_HOST,
    metricsPort: values.SIDECAR_METRICS_PORT,
    workspaceDir: values.WORKSPACE_DIR,
    stateDir: values.SIDECAR_STATE_DIR,
    tokenDigest: tokenDigestOf(values),
    runAs: runAs === undefined ? undefined : { uid: runAs[0] ?? 0, gid: runAs[1] ?? 0 },
    isolation: isolation === 'none' ? undefined : { network: isolation === 'bubblewrap' },
    limits: limitsOf(values),
    memory: { maxAgeMs: values.SIDECAR_REMEMBER_MS, maxAnswers: values.SIDECAR_REMEMBER_ANSWERS },
    drainMs: values.SIDECAR_DRAIN_MS,
    isSupervised: values.SIDECAR_SUPERVISED,
    logLevel: values.LOG_LEVEL,
    commandEnvironment: commandEnvironment(environment),
  };
}

function parse(environment: Readonly<NodeJS.ProcessEnv>): Values {
  const parsed = Object.entries(settings).map(([name, { schema, allowed }]) => {
    const text = environment[name]?.trim();
    // Set to nothing counts as not set: manifests pass such for missing values.
    const result = schema.safeParse(text === '' ? undefined : text);
    const problem = result.success
      ? []
      : [`  ${name}: ${text ? 'not valid' : 'missing'}; allowed: ${allowed}`];
    return { name, value: result.data, problem };
  });
  const problems = parsed.flatMap(({ problem }) => problem);
  if (problems.length > 0) {
    throw new ConfigError(['The sidecar cannot start with these settings:', ...problems].join('\n'));
  }
  // Each value was parsed by its own schema just above, which TypeScript cannot follow through a loop.
  return Object.fromEntries(parsed.map(({ name, value }) => [name, value])) as Values;
}

function limitsOf(values: Values): LimitsConfig {
  return {
    maxBodyBytes: values.SIDECAR_MAX_BODY_BYTES,
    maxUploadBytes: values.SIDECAR_MAX_UPLOAD_BYTES,
    maxRequests: values.SIDECAR_MAX_REQUESTS,
    maxStreams: values.SIDECAR_MAX_STREAMS,
    ratePerSecond: values.SIDECAR_RATE_PER_SECOND,
    headersTimeoutMs: values.SIDECAR_HEADERS_TIMEOUT_MS,
    bodyIdleMs: values.SIDECAR_BODY_IDLE_MS,
    requestTimeoutMs: values.SIDECAR_REQUEST_TIMEOUT_MS,
  };
}

function tokenDigestOf(values: Values): Buffer {
  const { SIDECAR_TOKEN: token, SIDECAR_TOKEN_FILE: file, SIDECAR_TOKEN_SHA256: digest } = values;
  if (token !== undefined) return digestOf(token);
  if (file === undefined && digest !== undefined) return Buffer.from(digest, 'hex');
  if (file === undefined) {
    throw new ConfigError(
      'The sidecar needs a token: set SIDECAR_TOKEN, SIDECAR_TOKEN_FILE or SIDECAR_TOKEN_SHA256.',
    );
  }
  const text = readTokenFile(file);
  if (text.length >= MIN_TOKEN_LENGTH) return digestOf(text);
  throw new ConfigError(`SIDECAR_TOKEN_FILE: ${file} must hold at least ${MIN_TOKEN_LENGTH} characters.`);
}

function readTokenFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new ConfigError(`SIDECAR_TOKEN_FILE: ${file} cannot be read.`, { cause });
  }
}

function commandEnvironment(environment: Readonly<NodeJS.ProcessEnv>): Record<string, string> {
  const known = COMMAND_VARIABLES.flatMap((name) => {
    const value = environment[name];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', ...Object.fromEntries(known) };
}
