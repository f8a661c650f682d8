import type { BodyPatch, Intent } from '../core/protocol.ts';

/** The path and the change of the body by which a request names its model `name`. */
export function renamed(
  intent: Intent,
  path: string,
  name: string,
): { path: string; patch: BodyPatch | null } {
  return { path: modelPath(intent, path, name), patch: modelPatch(intent, name) };
}

/** Renames the model in a body; null where it stands not there, or has that name already. */
function modelPatch({ model, modelSpan, modelEncoding }: Intent, name: string): BodyPatch | null {
  if (modelSpan === null || name === model) return null;
  return { span: modelSpan, bytes: encodeModel(name, modelEncoding) };
}

/** Renames the model in the query of a path where it stands there; every other byte stays as it was. */
function modelPath({ model, modelEncoding }: Intent, path: string, name: string): string {
  if (modelEncoding !== 'query' || name === model) return path;
  const [bare, query = ''] = path.split('?', 2);
  const renamed = query
    .split('&')
    .map((pair) => (new URLSearchParams(pair).has('model') ? `model=${encodeURIComponent(name)}` : pair));
  return `${bare}?${renamed.join('&')}`;
}

/** The bytes that replace `modelSpan` of an intent with this encoding when another name is sent on. */
export function encodeModel(name: string, encoding: Intent['modelEncoding']): Buffer {
  return Buffer.from(encoding === 'json' ? JSON.stringify(name) : name);
}
