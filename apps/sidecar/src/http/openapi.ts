import {
  ErrorBody,
  ProcessInfo,
  type SidecarAnswer,
  type SidecarEndpoint,
  sidecarEndpoints,
} from '@shadow/protocol';
import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi';

const MEDIA_TYPES: Readonly<Record<SidecarAnswer, string>> = {
  json: 'application/json',
  bytes: 'application/octet-stream',
  events: 'text/event-stream',
  frames: 'application/vnd.shadow.output-frames',
  text: 'text/plain',
};

/** The sidecar's API as OpenAPI 3.1, made from the table of endpoints. */
export function openApiDocument(): ReturnType<typeof createDocument> {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const endpoint of Object.values<SidecarEndpoint>(sidecarEndpoints)) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [endpoint.method]: operation(endpoint) };
  }
  return createDocument({
    openapi: '3.1.1',
    info: { title: 'Shadow sidecar', version: '1', license: { name: 'MIT', identifier: 'MIT' } },
    security: [{ bearer: [] }],
    components: {
      schemas: { ErrorBody, ProcessInfo },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
    paths,
  });
}

function operation(endpoint: SidecarEndpoint): ZodOpenApiOperationObject {
  const isKeyed = endpoint.effect !== 'read';
  const key = z.string().optional().meta({ description: 'Makes a repeat answer as the first call did.' });
  return {
    operationId: endpoint.operationId,
    summary: endpoint.summary,
    tags: [endpoint.tag],
    ...(endpoint.public ? { security: [] } : {}),
    requestParams: {
      path: endpoint.params,
      query: endpoint.query,
      ...(isKeyed ? { header: z.object({ 'Idempotency-Key': key }) } : {}),
    },
    ...requestBody(endpoint),
    responses: {
      [String(endpoint.status)]: {
        description: endpoint.summary,
        content: { [MEDIA_TYPES[endpoint.answer]]: answerContent(endpoint) },
      },
      default: { description: 'An error', content: { 'application/json': { schema: ErrorBody } } },
    },
  };
}

function requestBody(endpoint: SidecarEndpoint): Pick<ZodOpenApiOperationObject, 'requestBody'> {
  if (endpoint.method === 'put' && endpoint.body instanceof z.ZodUndefined) {
    return { requestBody: { required: true, content: { 'application/octet-stream': {} } } };
  }
  if (endpoint.body instanceof z.ZodUndefined) return {};
  return { requestBody: { required: true, content: { 'application/json': { schema: endpoint.body } } } };
}

function answerContent(endpoint: SidecarEndpoint): { schema?: z.ZodType } {
  return endpoint.response instanceof z.ZodUndefined ? {} : { schema: endpoint.response };
}
