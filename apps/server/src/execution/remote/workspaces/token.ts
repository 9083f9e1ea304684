import { createHash, randomBytes } from 'node:crypto';

/** A token that opens a sidecar: 256 random bits. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * What a sidecar knows of its token: the SHA-256, hexadecimal. Its pod's commands could read anything else, and the kubelet need
 * not fetch a Secret before it starts the pod.
 */
export function tokenDigest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
