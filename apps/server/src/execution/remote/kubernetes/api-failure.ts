import * as z from 'zod';
import { KubernetesError } from './kubernetes-error.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
const Status = z.object({
  kind: z.literal('Status'),
  message: z.string().default(''),
  reason: z.string().optional(),
  code: z.number().optional(),
  details: z.looseObject({ retryAfterSeconds: z.number().optional() }).optional(),
});

/** Who speaks with whom, for messages. */
export interface Parties {
  server: string;
  identity: string;
}

/** What was asked for, as a rule of a Role has it. */
export interface Action {
  verb: string;
  /** Such as `pods` or `pods/portforward`. */
  resource: string;
}

/**
 * What the API server says when it refuses.
 * @param body as it came, a Status or whatever a proxy makes of it
 */
export function refusal(status: number, body: string, parties: Parties, action: Action): KubernetesError {
  const said = Status.safeParse(parseJson(body)).data;
  const message =
    said?.message || `The Kubernetes API server ${parties.server} answers with status ${status}.`;
  const reason = reasonOf(said?.reason, status, message);
  const retryAfterSeconds = said?.details?.retryAfterSeconds;
  return new KubernetesError(reason, status, withAdvice(reason, message, parties, action), {
    ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
  });
}

/** What an ERROR event of a watch holds. */
export function watchRefusal(object: unknown, parties: Parties, resource: string): KubernetesError {
  const said = Status.safeParse(object).data;
  return refusal(said?.code ?? 500, JSON.stringify(object), parties, { verb: 'watch', resource });
}

function reasonOf(reason: string | undefined, status: number, message: string): string {
  // The API server gives a quota no reason of its own; its words are fixed in plugin/pkg/admission/resourcequota.
  if (status === 403 && message.includes('exceeded quota')) return 'QuotaExceeded';
  if (reason !== undefined && reason !== '') return reason;
  return REASONS[status] ?? 'Unknown';
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  504: 'Timeout',
};

function withAdvice(
  reason: string,
  message: string,
  { server, identity }: Parties,
  { verb, resource }: Action,
): string {
  if (reason === 'Forbidden') {
    return `${message} Shadow is ${identity} at ${server}: add the verb "${verb}" for "${resource}" to its Role, as k8s/base/rbac.yaml has it; "shadow doctor" says what else is missing.`;
  }
  if (reason === 'Unauthorized') {
    return `The Kubernetes API server ${server} does not accept the credentials of ${identity}: they are expired, revoked or of another cluster. Renew them.`;
  }
  return message;
}

/** System errors after which a request certainly never arrived. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

/** Errors of a handshake that say that the certificate is not one to trust. */
const UNTRUSTED = /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL_)/;

/** No answer at all. `details.isSent` is false when the request certainly never arrived. */
export function unreachable(cause: unknown, { server, identity }: Parties): KubernetesError {
  const code = codeOf(cause);
  const words = cause instanceof Error && cause.message !== '' ? cause.message : code;
  if (UNTRUSTED.test(code)) {
    return new KubernetesError(
      'Untrusted',
      0,
      `The certificate of the Kubernetes API server ${server} is not trusted: ${words} (${code}). Give its authority as KUBERNETES_CA_FILE or as certificate-authority of the kubeconfig.`,
      { cause, details: { code, isSent: false } },
    );
  }
  return new KubernetesError(
    'Unreachable',
    0,
    `The Kubernetes API server ${server} cannot be reached as ${identity}: ${words}. Check that it runs and that this machine may connect to it.`,
    { cause, details: { code, isSent: !NOT_SENT.has(code) } },
  );
}

/** The credentials cannot even be read. */
export function noCredentials(cause: unknown, { identity }: Parties): KubernetesError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return new KubernetesError('Unauthorized', 0, `The credentials of ${identity} cannot be read: ${words}`, {
    cause,
    details: { isSent: false },
  });
}

/** Code of a system error; of an AggregateError, which trying several addresses ends in, that of the first. */
function codeOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return 'UNKNOWN';
  if ('code' in cause && typeof cause.code === 'string') return cause.code;
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return 'UNKNOWN';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
