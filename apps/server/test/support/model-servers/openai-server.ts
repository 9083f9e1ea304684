import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { streamResponses } from './openai-responses.ts';
import {
  endsProperly,
  type ModelReply,
  type ModelServer,
  type ModelServerOptions,
  pieces,
  startScriptedServer,
  writeChunk,
} from './scripted-server.ts';

const RESPONSES = '/v1/responses';

/**
 * Starts a server that speaks OpenAI's APIs, streamed: chat completions, as compatible endpoints do too, and Responses.
 * @param options replies, models of its listing, a key it demands
 */
export function startOpenAiServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  return startScriptedServer(
    {
      paths: ['/v1/chat/completions', RESPONSES],
      errorBody: ({ type, message }) => ({
        error: {
          message: message ?? 'scripted error',
          type: type ?? 'server_error',
          param: null,
          code: type ?? null,
        },
      }),
      models: (ids) => ({
        object: 'list',
        data: ids.map((id) => ({ id, object: 'model', created: 1_767_225_600, owned_by: 'test' })),
      }),
      stream: (reply, request, response) => {
        const model = String(request.body?.model);
        if (request.path === RESPONSES) return streamResponses(reply, model, response);
        return stream(reply, model, request.body?.stream_options?.include_usage === true, response);
      },
    },
    options,
  );
}

async function stream(
  reply: ModelReply,
  model: string,
  includeUsage: boolean,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const facts = {
    id: `chatcmpl-${randomUUID()}`,
    object: 'chat.completion.chunk',
    created: 1_767_225_600,
    model,
  };
  const send = (data: unknown) => writeChunk(response, `data: ${JSON.stringify(data)}\n\n`);
  const delta = (change: unknown, finish: string | null = null) =>
    send({ ...facts, choices: [{ index: 0, delta: change, finish_reason: finish }], usage: null });
  await delta({ role: 'assistant', content: '' });
  for (const piece of pieces(reply.reasoning ?? '')) await delta({ reasoning_content: piece });
  for (const piece of pieces(reply.text ?? '')) await delta({ content: piece });
  if (reply.streamError !== undefined) {
    await send({ error: { ...reply.streamError, code: reply.streamError.type, param: null } });
    response.end();
    return;
  }
  if (!(await endsProperly(reply, response))) return;
  await sendCalls(reply, delta);
  await delta({}, reply.stopReason ?? ((reply.calls ?? []).length > 0 ? 'tool_calls' : 'stop'));
  if (includeUsage) await send({ ...facts, choices: [], usage: usageOf(reply) });
  await writeChunk(response, 'data: [DONE]\n\n');
  response.end();
}

async function sendCalls(reply: ModelReply, delta: (change: unknown) => Promise<void>): Promise<void> {
  for (const [index, call] of (reply.calls ?? []).entries()) {
    const id = call.id ?? `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
    await delta({
      tool_calls: [{ index, id, type: 'function', function: { name: call.tool, arguments: '' } }],
    });
    for (const piece of pieces(call.arguments ?? JSON.stringify(call.input ?? {}), 5)) {
      await delta({ tool_calls: [{ index, function: { arguments: piece } }] });
    }
  }
}

function usageOf({ usage = {} }: ModelReply): object {
  const { input = 100, output = 20, cached = 0, reasoning = 0 } = usage;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}
