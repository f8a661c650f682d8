import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { presentedKey } from './auth.ts';

/** Fields in which clients of platforms send secrets: with keys they stay here. */
export const credentialFields: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'modal-key',
  'modal-secret',
  'x-amz-security-token',
]);

/**
 * The credential of a request to a surface, where the clients of its platform put it: as `presentedKey` has it, else
 * `Authorization: Token KEY` (Replicate's older clients), `Authorization: KEY` alone (RunPod's examples), the access key id
 * of AWS' Signature Version 4 (its signature is not checked), `Modal-Secret` beside `Modal-Key`, `api-key` (Azure),
 * `x-goog-api-key`; or null.
 */
export function surfaceKey(req: Pick<IncomingMessage, 'headers'>): string | null {
  return presentedKey(req) ?? fromAuthorization(req.headers.authorization) ?? fromOwnFields(req.headers);
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html, "Credential". */
function fromAuthorization(field: string | undefined): string | null {
  if (field === undefined) return null;
  const signed = /^AWS4-HMAC-SHA256\s.*?\bCredential=([^/,\s]+)\//.exec(field);
  if (signed !== null) return signed[1]!;
  const [, token] = /^(?:token +)?(\S+)\s*$/i.exec(field) ?? [];
  return token ?? null;
}

function fromOwnFields(headers: IncomingHttpHeaders): string | null {
  const modal = headers['modal-key'] === undefined ? undefined : headers['modal-secret'];
  const found = [modal, headers['api-key'], headers['x-goog-api-key']].find(
    (value) => typeof value === 'string' && value !== '',
  );
  return typeof found === 'string' ? found : null;
}
