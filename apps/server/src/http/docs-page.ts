import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { OpenApiDocument } from './openapi.ts';

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--muted:#777}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:13px/1.5 ui-monospace,monospace}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer}
summary b{display:inline-block;min-width:4.5rem;text-transform:uppercase;font:600 12px ui-monospace,monospace}
summary span{color:var(--muted);margin-left:.75rem}
pre{overflow:auto;background:#8881;padding:.75rem;border-radius:6px}
`;

/** The page has no script and nothing from elsewhere; its one style is allowed by its hash. */
export const docsPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const Operation = z.looseObject({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.string()),
  parameters: z.array(z.unknown()).optional(),
  requestBody: z.unknown().optional(),
  responses: z.record(z.string(), z.unknown()),
  security: z.array(z.unknown()).optional(),
});

/** The document as a page for reading. */
export function docsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, value]) => ({ path, method, ...Operation.parse(value) })),
  );
  const tags = [...new Set(operations.flatMap((operation) => operation.tags))];
  const server = document.servers?.[0]?.url ?? '';
  const sections = tags.map((tag) => {
    const own = operations.filter((operation) => operation.tags.includes(tag));
    return `<h2>${escapeHtml(tag)}</h2>${own.map((operation) => operationHtml(server, operation)).join('')}`;
  });
  const schemas = Object.entries(document.components?.schemas ?? {}).map(
    ([name, schema]) =>
      `<details id="${escapeHtml(name)}"><summary><code>${escapeHtml(name)}</code></summary>${block(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Shadow API</title><style>${STYLE}</style></head><body>
<h1>Shadow API</h1>
<p>Version ${escapeHtml(document.info.version)}. Machine-readable: <a href="openapi.json">openapi.json</a>.
Send an API key as <code>x-api-key</code> or <code>Authorization: Bearer</code>; browsers use their session.</p>
${sections.join('\n')}
<h2>Schemas</h2>${schemas.join('')}
</body></html>`;
}

function operationHtml(
  server: string,
  operation: z.infer<typeof Operation> & { path: string; method: string },
): string {
  const parts = [
    part('Parameters', operation.parameters),
    part('Body', operation.requestBody),
    part('Answers', operation.responses),
  ];
  const open = operation.security?.length === 0 ? '<p>Open to everyone.</p>' : '';
  return `<details id="${escapeHtml(operation.operationId)}"><summary><b>${escapeHtml(operation.method)}</b>
<code>${escapeHtml(server + operation.path)}</code><span>${escapeHtml(operation.summary)}</span></summary>
${open}${parts.join('')}</details>`;
}

function part(title: string, value: unknown): string {
  return value === undefined ? '' : `<h4>${title}</h4>${block(value)}`;
}

function block(value: unknown): string {
  return `<pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
