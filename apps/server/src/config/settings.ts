import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { cleanUpSettings } from './clean-up-settings.ts';
import { remoteSettings } from './remote-settings.ts';
import { ANY_TEXT, integer, MILLISECONDS, milliseconds, optional, type Setting, setting } from './setting.ts';

const httpUrl = z.url({ protocol: /^https?$/ });
const HTTP_URL = 'an http or https URL';
const ID = 'a whole number from 1 to 4294967294';

/** Whether the text is an http or https URL of scheme, host and port alone. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
}

/** Every environment variable that Shadow's server reads. */
export const settings = {
  home: setting({
    name: 'SHADOW_HOME',
    default: '~/.shadow',
    description:
      'Directory of everything Shadow keeps: the embedded database, workspaces, mirrors, keys. One server at a time uses it.',
    allowed: 'a path',
    schema: optional(z.string().min(1)),
  }),
  port: setting({
    name: 'API_PORT',
    default: '4000',
    description: 'Port of the web UI, the HTTP API and the socket; 0 takes any free one.',
    allowed: 'a whole number from 0 to 65535',
    schema: integer(0, 65_535, 4000),
  }),
  host: setting({
    name: 'API_HOST',
    default: '127.0.0.1',
    description: 'Address to listen on. Anything but loopback is reachable by others: put TLS in front.',
    allowed: 'an IP address or a host name',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9.:_-]{1,253}$/)
      .default('127.0.0.1'),
  }),
  basePath: setting({
    name: 'BASE_PATH',
    default: '(empty)',
    description: 'Path under which everything is served, for a reverse proxy that shares its host.',
    allowed: 'empty, or a path that starts with / and does not end in one, such as /shadow',
    schema: z
      .string()
      .regex(/^(\/[A-Za-z0-9._~-]+)*$/)
      // A browser resolves dot segments before it asks, so such a path could never be reached.
      .refine((path) => !/\/\.{1,2}(\/|$)/.test(path))
      .default(''),
  }),
  publicUrl: setting({
    name: 'PUBLIC_URL',
    default: '(none)',
    description:
      'Origin that people open when a proxy stands in front: used for cookies (Secure with https), the same-origin check, the caller’s address in X-Forwarded-For and the printed URL. BASE_PATH is added to it.',
    allowed: 'an http or https origin without a path, such as https://shadow.example.com',
    schema: optional(z.string().refine(isOrigin)),
  }),
  agentMode: setting({
    name: 'AGENT_MODE',
    default: 'local',
    description: 'Where the agents’ tools run: on this machine, in a Kubernetes pod per task, or simulated.',
    allowed: 'local, remote or mock',
    schema: z.enum(['local', 'remote', 'mock']).default('local'),
  }),
  databaseUrl: setting({
    name: 'DATABASE_URL',
    default: '(embedded)',
    description: 'A PostgreSQL database to use instead of the embedded one under SHADOW_HOME.',
    allowed: 'a postgresql:// or postgres:// URL',
    secret: true,
    schema: optional(z.url({ protocol: /^postgres(ql)?$/ })),
  }),
  workspaceDirectory: setting({
    name: 'WORKSPACE_DIR',
    alias: 'WORKSPACE_BASE_DIR',
    default: 'workspaces under SHADOW_HOME',
    description: 'Directory that holds a directory per task in local mode.',
    allowed: 'an absolute path',
    schema: optional(z.string().refine((path) => isAbsolute(path))),
  }),
  maxConcurrentExecutions: setting({
    name: 'MAX_CONCURRENT_EXECUTIONS',
    default: '5',
    description: 'Agent turns that run at the same time; further ones wait in the queue.',
    allowed: 'a whole number from 1 to 1000',
    schema: integer(1, 1000, 5),
  }),
  executionTimeoutMs: setting({
    name: 'EXECUTION_TIMEOUT_MS',
    default: '600000',
    description: 'How long one agent turn may take.',
    allowed: MILLISECONDS,
    schema: milliseconds(600_000),
  }),
  commandTimeoutMs: setting({
    name: 'COMMAND_TIMEOUT_MS',
    default: '300000',
    description: 'How long a command of an agent may take when the call says nothing else.',
    allowed: MILLISECONDS,
    schema: milliseconds(300_000),
  }),
  commandIsolation: setting({
    name: 'COMMAND_ISOLATION',
    default: 'auto',
    description:
      'Whether agents’ commands run inside bubblewrap in local mode: they then see the system read-only, their workspace, and no home, no other task and nothing of SHADOW_HOME. auto: where it is installed and works; bubblewrap: or the server does not start; bubblewrap-offline: without network, too.',
    allowed: 'none, auto, bubblewrap or bubblewrap-offline',
    schema: z.enum(['none', 'auto', 'bubblewrap', 'bubblewrap-offline']).default('auto'),
  }),
  anthropicApiKey: setting({
    name: 'ANTHROPIC_API_KEY',
    default: '(none)',
    description: 'Key for Anthropic’s models. A key stored in the settings page takes precedence.',
    allowed: ANY_TEXT,
    secret: true,
    schema: optional(z.string()),
  }),
  anthropicBaseUrl: setting({
    name: 'ANTHROPIC_BASE_URL',
    default: 'Anthropic’s own',
    description: 'Another endpoint that speaks Anthropic’s Messages API.',
    allowed: HTTP_URL,
    schema: optional(httpUrl),
  }),
  claudeModel: setting({
    name: 'CLAUDE_MODEL',
    default: '(the newest known)',
    description: 'Anthropic model that new tasks get when they name none.',
    allowed: ANY_TEXT,
    schema: optional(z.string()),
  }),
  openaiApiKey: setting({
    name: 'OPENAI_API_KEY',
    default: '(none)',
    description: 'Key for OpenAI’s models. A key stored in the settings page takes precedence.',
    allowed: ANY_TEXT,
    secret: true,
    schema: optional(z.string()),
  }),
  openaiBaseUrl: setting({
    name: 'OPENAI_BASE_URL',
    default: 'OpenAI’s own',
    description: 'Another endpoint that speaks OpenAI’s API.',
    allowed: HTTP_URL,
    schema: optional(httpUrl),
  }),
  openaiCompatibleBaseUrl: setting({
    name: 'OPENAI_COMPATIBLE_BASE_URL',
    default: '(none)',
    description:
      'Any OpenAI-compatible endpoint, such as a local model server: http://127.0.0.1:11434/v1. It needs no key.',
    allowed: HTTP_URL,
    schema: optional(httpUrl),
  }),
  openaiCompatibleApiKey: setting({
    name: 'OPENAI_COMPATIBLE_API_KEY',
    default: '(none)',
    description: 'Key for the OpenAI-compatible endpoint, where it wants one.',
    allowed: ANY_TEXT,
    secret: true,
    schema: optional(z.string()),
  }),
  logLevel: setting({
    name: 'LOG_LEVEL',
    default: 'info',
    description: 'Least severe level that is logged.',
    allowed: 'trace, debug, info, warn, error, fatal or silent',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  }),
  logFormat: setting({
    name: 'LOG_FORMAT',
    default: 'text',
    description: 'Log lines for people (text) or for machines (json), written to standard error.',
    allowed: 'text or json',
    schema: z.enum(['text', 'json']).default('text'),
  }),
  print: setting({
    name: 'SHADOW_PRINT',
    default: 'text',
    description: 'How the sign-in URL is printed to standard output at start: a line of text or of JSON.',
    allowed: 'text or json',
    schema: z.enum(['text', 'json']).default('text'),
  }),
  agentUid: setting({
    name: 'AGENT_UID',
    default: '65534',
    description: 'User id that agents’ commands and git run under when the server runs as root.',
    allowed: ID,
    schema: integer(1, 4_294_967_294, 65_534),
  }),
  agentGid: setting({
    name: 'AGENT_GID',
    default: '65534',
    description: 'Group id that agents’ commands and git run under when the server runs as root.',
    allowed: ID,
    schema: integer(1, 4_294_967_294, 65_534),
  }),
  allowLocalRepositories: setting({
    name: 'ALLOW_LOCAL_REPOSITORIES',
    default: 'true when API_HOST is loopback, else false',
    description: 'Whether a task may name a directory of the server’s machine as its repository.',
    allowed: 'true or false',
    schema: z
      .stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] })
      .optional()
      .transform((value) => value ?? null),
  }),
  ...cleanUpSettings,
  ...remoteSettings,
} as const satisfies Record<string, Setting<unknown>>;

export type Settings = { [Key in keyof typeof settings]: z.output<(typeof settings)[Key]['schema']> };
