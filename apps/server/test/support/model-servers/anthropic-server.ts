import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  endsProperly,
  type ModelReply,
  type ModelServer,
  type ModelServerOptions,
  pieces,
  type ReplyCall,
  startScriptedServer,
  writeChunk,
} from './scripted-server.ts';

/**
 * Starts a server that speaks Anthropic's Messages API, streamed.
 * @param options replies, models of its listing, a key it demands
 */
export function startAnthropicServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  return startScriptedServer(
    {
      paths: ['/v1/messages'],
      errorBody: ({ type, message }) => ({
        type: 'error',
        error: { type: type ?? 'api_error', message: message ?? 'scripted error' },
      }),
      models: (ids) => ({
        data: ids.map((id) => ({ type: 'model', id, display_name: id, created_at: '2026-01-01T00:00:00Z' })),
        has_more: false,
        first_id: ids[0] ?? null,
        last_id: ids.at(-1) ?? null,
      }),
      stream: (reply, request, response) => stream(reply, String(request.body?.model), response),
    },
    options,
  );
}

async function stream(reply: ModelReply, model: string, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (event: { type: string }) =>
    writeChunk(response, `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  await start(reply, model, send);
  let index = 0;
  if (reply.reasoning !== undefined) await thinking(index++, reply.reasoning, send);
  if (reply.text !== undefined) await text(index++, reply, send);
  if (reply.streamError !== undefined) {
    const error = { type: 'error', error: reply.streamError };
    await send(error);
    response.end();
    return;
  }
  if (!(await endsProperly(reply, response))) return;
  for (const call of reply.calls ?? []) await toolUse(index++, call, send);
  const stopReason = reply.stopReason ?? ((reply.calls ?? []).length > 0 ? 'tool_use' : 'end_turn');
  await send({
    type: 'message_delta',
    ...{
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { output_tokens: reply.usage?.output ?? 20 },
    },
  });
  await send({ type: 'message_stop' });
  response.end();
}

type Send = (event: { type: string } & Record<string, unknown>) => Promise<void>;

async function start(reply: ModelReply, model: string, send: Send): Promise<void> {
  const usage = {
    input_tokens: reply.usage?.input ?? 100,
    cache_read_input_tokens: reply.usage?.cached ?? 0,
    cache_creation_input_tokens: reply.usage?.cacheWrite ?? 0,
    output_tokens: 1,
  };
  const facts = { id: `msg_${randomUUID()}`, type: 'message', role: 'assistant', model, content: [] };
  await send({ type: 'message_start', message: { ...facts, stop_reason: null, stop_sequence: null, usage } });
  await send({ type: 'ping' });
}

async function thinking(index: number, text: string, send: Send): Promise<void> {
  const block = { type: 'thinking', thinking: '', signature: '' };
  await send({ type: 'content_block_start', index, content_block: block });
  for (const piece of pieces(text)) {
    await send({ type: 'content_block_delta', index, delta: { type: 'thinking_delta', thinking: piece } });
  }
  const signature = `signature-of-${text.length}`;
  await send({ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature } });
  await send({ type: 'content_block_stop', index });
}

async function text(index: number, reply: ModelReply, send: Send): Promise<void> {
  await send({ type: 'content_block_start', index, content_block: { type: 'text', text: '' } });
  for (const piece of pieces(reply.text ?? '')) {
    await send({ type: 'content_block_delta', index, delta: { type: 'text_delta', text: piece } });
  }
  const broken = reply.cut === true || reply.hang === true || reply.streamError !== undefined;
  if (!broken) await send({ type: 'content_block_stop', index });
}

async function toolUse(index: number, call: ReplyCall, send: Send): Promise<void> {
  const block = {
    type: 'tool_use',
    id: call.id ?? `toolu_${randomUUID().replaceAll('-', '')}`,
    name: call.tool,
    input: {},
  };
  await send({ type: 'content_block_start', index, content_block: block });
  for (const piece of pieces(call.arguments ?? JSON.stringify(call.input ?? {}), 5)) {
    await send({
      type: 'content_block_delta',
      index,
      delta: { type: 'input_json_delta', partial_json: piece },
    });
  }
  await send({ type: 'content_block_stop', index });
}
