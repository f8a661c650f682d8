import type { BodyPatch, Intent } from '../core/protocol.ts';

/** Renames the model in a body; null where it stands not there, or has that name already. */
export function modelPatch({ model, modelSpan, modelEncoding }: Intent, name: string): BodyPatch | null {
  if (modelSpan === null || modelEncoding === 'none' || name === model) return null;
  return { span: modelSpan, bytes: encodeModel(name, modelEncoding) };
}

/** The bytes that replace `modelSpan` of an intent with this encoding when another name is sent on. */
export function encodeModel(name: string, encoding: Intent['modelEncoding']): Buffer {
  return Buffer.from(encoding === 'json' ? JSON.stringify(name) : name);
}
