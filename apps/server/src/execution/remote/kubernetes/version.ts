import * as z from 'zod';
import type { ApiTransport } from './transport.ts';

const Version = z.looseObject({ gitVersion: z.string() });

/** Version of the API server, such as `v1.33.1`; open to everyone who may connect at all. */
export async function readVersion(transport: ApiTransport): Promise<string> {
  const answer = await transport.call({
    method: 'GET',
    path: '/version',
    verb: 'get',
    resource: 'version',
    isRepeatable: true,
  });
  return Version.parse(answer).gitVersion;
}
