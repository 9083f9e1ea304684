import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

/** A request as the server got it. */
interface RecordedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of several wire formats
  body: any;
}

/** A tool call of a reply. `arguments` replaces the JSON of `input` as raw text, for malformed ones. */
export interface ReplyCall {
  tool: string;
  input?: unknown;
  id?: string;
  arguments?: string;
}

/** One answer of the model. */
export interface ModelReply {
  reasoning?: string;
  text?: string;
  calls?: ReplyCall[];
  usage?: { input?: number; output?: number; cached?: number; cacheWrite?: number; reasoning?: number };
  /** End the connection after the text, before the answer is whole. */
  cut?: boolean;
  /** An error event in the middle of the stream, after the text; its type as the provider names it. */
  streamError?: { type: string; message: string };
  /** Keep the stream open after the text until the client hangs up. */
  hang?: boolean;
  /** Why the model stopped; default by the reply's content. */
  stopReason?: string;
}

/** An answer that is an HTTP error. */
interface ErrorReply {
  status: number;
  /** Type or code of the error as the provider names it. */
  type?: string;
  message?: string;
  headers?: Record<string, string>;
}

type Reply = ModelReply | ErrorReply;

/** Replies in order (after the last one the server answers 500), or a function of the request and its number. */
export type Replies = readonly Reply[] | ((request: RecordedRequest, index: number) => Reply);

/** A model server on loopback. */
export interface ModelServer {
  /** Base URL with `/v1`. */
  readonly url: string;
  /** Model calls so far, in order. */
  readonly requests: readonly RecordedRequest[];
  /** Every request, listings included. */
  readonly allRequests: readonly RecordedRequest[];
  /** Replaces the replies and begins with their first. */
  reply(replies: Replies): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What differs between wire formats. */
export interface WireFormat {
  /** Paths of model calls. */
  paths: readonly string[];
  errorBody(reply: ErrorReply): unknown;
  models(ids: readonly string[]): unknown;
  stream(reply: ModelReply, request: RecordedRequest, response: ServerResponse): Promise<void>;
}

export interface ModelServerOptions {
  replies?: Replies;
  /** Ids that `GET /v1/models` lists. */
  models?: readonly string[];
  /** When set, requests without this key are answered 401. */
  apiKey?: string;
  /** Port; default any free one. */
  port?: number;
}

/** Starts a server that answers model calls by a script in one wire format. */
export async function startScriptedServer(
  format: WireFormat,
  options: ModelServerOptions = {},
): Promise<ModelServer> {
  let replies: Replies = options.replies ?? [];
  let index = 0;
  const requests: RecordedRequest[] = [];
  const allRequests: RecordedRequest[] = [];
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await record(incoming);
    allRequests.push(request);
    if (options.apiKey !== undefined && !isAuthorized(request, options.apiKey)) {
      return sendError(format, response, {
        status: 401,
        type: 'authentication_error',
        message: 'invalid x-api-key',
      });
    }
    if (request.method === 'GET' && request.path.split('?')[0] === '/v1/models') {
      return sendJson(response, 200, format.models(options.models ?? ['test-model']));
    }
    if (!format.paths.includes(request.path))
      return sendJson(response, 404, { error: { message: 'no such path' } });
    requests.push(request);
    const reply = typeof replies === 'function' ? replies(request, index) : replies[index];
    index += 1;
    if (reply === undefined) {
      return sendError(format, response, {
        status: 500,
        type: 'api_error',
        message: 'the script has no reply left',
      });
    }
    if ('status' in reply) return sendError(format, response, reply);
    await format.stream(reply, request, response);
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : undefined),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    requests,
    allRequests,
    reply(next) {
      replies = next;
      index = 0;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function record(incoming: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return {
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    headers: incoming.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

function isAuthorized({ headers }: RecordedRequest, apiKey: string): boolean {
  return headers['x-api-key'] === apiKey || headers.authorization === `Bearer ${apiKey}`;
}

function sendError(format: WireFormat, response: ServerResponse, reply: ErrorReply): void {
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  sendJson(response, reply.status, format.errorBody(reply));
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Writes one chunk and lets it reach the client before the next. */
export async function writeChunk(response: ServerResponse, chunk: string): Promise<void> {
  if (response.destroyed) return;
  await new Promise<void>((resolve) => response.write(chunk, () => resolve()));
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Pieces of a text, about as long as a model's tokens. */
export function pieces(text: string, length = 7): string[] {
  return text.match(new RegExp(`[\\s\\S]{1,${length}}`, 'gu')) ?? [];
}

/** Ends a stream as the reply says: cut, held open, or properly. Yields true when the proper end is to be sent. */
export async function endsProperly(reply: ModelReply, response: ServerResponse): Promise<boolean> {
  if (reply.cut === true) {
    // After what was written has gone out: a reset would take it away again.
    response.socket?.destroySoon();
    return false;
  }
  if (reply.hang === true) {
    if (!response.destroyed) await new Promise<void>((resolve) => response.once('close', () => resolve()));
    return false;
  }
  return true;
}
