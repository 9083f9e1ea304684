import {
  Approval,
  type Endpoint,
  ERROR_STATUS,
  ErrorBody,
  Execution,
  endpoints,
  GitDiffResult,
  InitStep,
  Me,
  Message,
  ModelInfo,
  ProviderSettings,
  Task,
  TaskEvent,
  ToolCallRecord,
  Usage,
} from '@shadow/protocol';
import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi';

export type OpenApiDocument = ReturnType<typeof createDocument>;

/** Schemas that are described once and referred to by name. */
const SCHEMAS = {
  Approval,
  ErrorBody,
  Execution,
  GitDiffResult,
  InitStep,
  Me,
  Message,
  ModelInfo,
  ProviderSettings,
  Task,
  TaskEvent,
  ToolCallRecord,
  Usage,
};

/**
 * The HTTP API as OpenAPI 3.1, made from the table of endpoints.
 * @param options `basePath`: empty, or `/path`, under which the API is served
 */
export function openApiDocument(options: { version: string; basePath: string }): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const endpoint of Object.values<Endpoint>(endpoints)) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [endpoint.method]: operation(endpoint) };
  }
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Shadow',
      version: options.version,
      license: { name: 'MIT', identifier: 'MIT' },
      description: 'A self-hosted platform for background coding agents.',
    },
    servers: [{ url: `${options.basePath}/api` }],
    security: [{ session: [] }, { apiKey: [] }, { bearer: [] }],
    tags: [...new Set(Object.values(endpoints).map((endpoint) => endpoint.tag))].map((name) => ({ name })),
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'session_token',
          description: 'Set by signing in; each installation puts a prefix of its own before this name.',
        },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key as bearer token.' },
      },
    },
    paths,
  });
}

function operation(endpoint: Endpoint): ZodOpenApiOperationObject {
  return {
    operationId: endpoint.operationId,
    summary: endpoint.summary,
    tags: [endpoint.tag],
    ...(endpoint.public ? { security: [] } : {}),
    requestParams: {
      ...(hasFields(endpoint.params) ? { path: endpoint.params } : {}),
      ...(hasFields(endpoint.query) ? { query: endpoint.query } : {}),
    },
    ...(isUndefined(endpoint.body) ? {} : { requestBody: { required: true, content: json(endpoint.body) } }),
    responses: {
      [String(endpoint.status)]: {
        description: endpoint.summary,
        ...(isUndefined(endpoint.response) ? {} : { content: json(endpoint.response) }),
      },
      default: {
        description: `An error; its status follows from its code, such as ${ERROR_STATUS.VALIDATION_FAILED} for VALIDATION_FAILED.`,
        content: json(ErrorBody),
      },
    },
  };
}

function json(schema: z.ZodType) {
  return { 'application/json': { schema } };
}

function hasFields(schema: z.ZodObject): boolean {
  return Object.keys(schema.shape).length > 0;
}

function isUndefined(schema: z.ZodType): boolean {
  return schema instanceof z.ZodUndefined;
}
