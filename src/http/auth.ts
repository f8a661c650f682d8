import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { KeySettings } from '../config/settings.ts';
import { PilotlightError } from '../core/errors.ts';
import { keyProtocol } from '../forward/headers.ts';

/**
 * The credential a client sent: `Authorization: Bearer KEY` (any case of Bearer), `x-api-key: KEY`, or for a WebSocket
 * the protocol `openai-insecure-api-key.KEY`; or null.
 */
export function presentedKey(req: Pick<IncomingMessage, 'headers'>): string | null {
  const bearer = /^bearer +(\S+)\s*$/i.exec(req.headers.authorization ?? '');
  if (bearer !== null) return bearer[1]!;
  const apiKey = req.headers['x-api-key'];
  if (typeof apiKey === 'string' && apiKey !== '') return apiKey;
  const protocols = req.headers['sec-websocket-protocol'];
  const named = protocols?.split(',').find((protocol) => protocol.trim().startsWith(keyProtocol));
  return named?.trim().slice(keyProtocol.length) || null;
}

/** RFC 6750, 3: what to send, and whether it was a wrong one; RFC 9110, 15.5.2 demands it of every 401. */
export function challenge(presented: string | null): readonly string[] {
  const error = presented === null ? '' : ', error="invalid_token"';
  return ['www-authenticate', `Bearer realm="pilotlight"${error}`];
}

/** Compares two secrets in a time that does not depend on where they differ. */
export function isSameSecret(presented: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', presented, 'buffer'), hash('sha256', expected, 'buffer'));
}

/** Knows the keys; looks at all of them for every request, whichever fits. */
export class KeyRing {
  readonly #keys: readonly { readonly settings: KeySettings; readonly digest: Buffer }[];

  constructor(keys: readonly KeySettings[]) {
    this.#keys = keys.map((settings) => ({ settings, digest: Buffer.from(settings.sha256, 'hex') }));
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** The key of a request, where `find` takes it from; null when none is needed; throws invalid_api_key. */
  authenticate(req: Pick<IncomingMessage, 'headers'>, find = presentedKey): KeySettings | null {
    if (this.isEmpty) return null;
    const key = find(req);
    if (key === null) {
      const message = 'no API key: send Authorization: Bearer KEY or x-api-key: KEY';
      throw new PilotlightError('invalid_api_key', message, { headers: challenge(key) });
    }
    const digest = hash('sha256', key, 'buffer');
    let found: KeySettings | null = null;
    for (const candidate of this.#keys)
      if (timingSafeEqual(candidate.digest, digest)) found = candidate.settings;
    if (found !== null) return found;
    const message = 'the API key is not known here';
    throw new PilotlightError('invalid_api_key', message, { headers: challenge(key) });
  }
}
