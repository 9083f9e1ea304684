import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate of its own authority for 127.0.0.1. */
export interface Authority {
  /** The certificate, which is also the authority to trust. */
  readonly caFile: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes one by openssl in a directory. */
export async function makeAuthority(directory: string, name: string): Promise<Authority> {
  const [keyFile, caFile] = [join(directory, `${name}.key`), join(directory, `${name}.crt`)];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const about = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  await promisify(execFile)('openssl', ['req', ...kind, ...about, '-keyout', keyFile, '-out', caFile]);
  const [cert, key] = await Promise.all([readFile(caFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { caFile, cert, key };
}
