import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { endsProperly, type ModelReply, pieces, type ReplyCall, writeChunk } from './scripted-server.ts';

type Send = (event: { type: string } & Record<string, unknown>) => Promise<void>;

/** Streams a reply as OpenAI's Responses API does. */
export async function streamResponses(
  reply: ModelReply,
  model: string,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let sequence = 0;
  const send: Send = (event) => {
    const numbered = { ...event, sequence_number: sequence++ };
    return writeChunk(response, `event: ${event.type}\ndata: ${JSON.stringify(numbered)}\n\n`);
  };
  const facts = { id: `resp_${randomUUID()}`, object: 'response', created_at: 1_767_225_600, model };
  await send({ type: 'response.created', response: { ...facts, status: 'in_progress', output: [] } });
  let index = 0;
  if (reply.reasoning !== undefined) await reasoning(index++, reply.reasoning, send);
  if (reply.text !== undefined) await text(index++, reply, send);
  if (reply.streamError !== undefined) {
    const { type: code, message } = reply.streamError;
    await send({ type: 'error', error: { type: code, code, message, param: null } });
    response.end();
    return;
  }
  if (!(await endsProperly(reply, response))) return;
  for (const call of reply.calls ?? []) await functionCall(index++, call, send);
  const incomplete = reply.stopReason === 'max_output_tokens';
  await send({
    type: incomplete ? 'response.incomplete' : 'response.completed',
    response: {
      ...facts,
      status: incomplete ? 'incomplete' : 'completed',
      incomplete_details: incomplete ? { reason: reply.stopReason } : null,
      usage: usageOf(reply),
    },
  });
  response.end();
}

async function reasoning(index: number, summary: string, send: Send): Promise<void> {
  const item = { id: `rs_${randomUUID()}`, type: 'reasoning', summary: [] };
  const at = { item_id: item.id, output_index: index, summary_index: 0 };
  await send({ type: 'response.output_item.added', output_index: index, item });
  await send({
    type: 'response.reasoning_summary_part.added',
    ...at,
    part: { type: 'summary_text', text: '' },
  });
  for (const delta of pieces(summary))
    await send({ type: 'response.reasoning_summary_text.delta', ...at, delta });
  await send({
    type: 'response.reasoning_summary_part.done',
    ...at,
    part: { type: 'summary_text', text: summary },
  });
  const done = { ...item, encrypted_content: `sealed-${summary.length}` };
  await send({ type: 'response.output_item.done', output_index: index, item: done });
}

async function text(index: number, reply: ModelReply, send: Send): Promise<void> {
  const item = { id: `msg_${randomUUID()}`, type: 'message', role: 'assistant', content: [] };
  const at = { item_id: item.id, output_index: index, content_index: 0 };
  await send({ type: 'response.output_item.added', output_index: index, item });
  for (const delta of pieces(reply.text ?? ''))
    await send({ type: 'response.output_text.delta', ...at, delta });
  const broken = reply.cut === true || reply.hang === true || reply.streamError !== undefined;
  if (!broken) await send({ type: 'response.output_item.done', output_index: index, item });
}

async function functionCall(index: number, call: ReplyCall, send: Send): Promise<void> {
  const id = `fc_${randomUUID()}`;
  const written = call.arguments ?? JSON.stringify(call.input ?? {});
  const item = { id, type: 'function_call', call_id: call.id ?? `call_${randomUUID()}`, name: call.tool };
  await send({ type: 'response.output_item.added', output_index: index, item: { ...item, arguments: '' } });
  for (const delta of pieces(written, 5)) {
    await send({ type: 'response.function_call_arguments.delta', item_id: id, output_index: index, delta });
  }
  const done = { ...item, arguments: written, status: 'completed' };
  await send({ type: 'response.output_item.done', output_index: index, item: done });
}

function usageOf({ usage = {} }: ModelReply): object {
  const { input = 100, output = 20, cached = 0, reasoning: thought = 0 } = usage;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: thought },
    total_tokens: input + output,
  };
}
