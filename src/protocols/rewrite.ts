import type { Intent } from '../core/protocol.ts';

/** The bytes that replace `modelSpan` of an intent with this encoding when another name is sent on. */
export function encodeModel(name: string, encoding: Intent['modelEncoding']): Buffer {
  return Buffer.from(encoding === 'json' ? JSON.stringify(name) : name);
}
