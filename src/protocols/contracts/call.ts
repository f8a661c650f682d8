import type { BackendCall, ContractModel, Invocation } from '../../core/contract.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/json.ts';
import type { Intent, IntentParser, RequestHead } from '../../core/protocol.ts';
import { anthropic } from '../anthropic.ts';
import { openai } from '../openai.ts';
import { renamed } from '../rewrite.ts';
import { readJsonObject } from '../surface-json.ts';

const json = 'application/json';

/** A POST of JSON to a contract's own route. */
export function jsonCall(invocation: Invocation, path: string, value: JsonValue): BackendCall {
  const { headers, isStream } = invocation;
  return {
    method: 'POST',
    path,
    contentType: json,
    headers,
    body: Buffer.from(JSON.stringify(value)),
    isStream,
  };
}

/** To `path`: the bytes as they are, or what `wrap` makes of an input. */
export function callOf(
  invocation: Invocation,
  path: string,
  wrap: (input: JsonValue) => JsonValue,
): BackendCall {
  const { content, contentType, headers, isStream } = invocation;
  if ('input' in content) return jsonCall(invocation, path, wrap(content.input));
  return { method: 'POST', path, contentType, headers, body: content.body, isStream };
}

/**
 * A request that was written for a route of the backend (`path` is not null): sent there as it is. On the routes of OpenAI and
 * Anthropic the model is named as its backend knows it, which a client's alias is not. Throws invalid_body where that cannot be read.
 */
export function writtenCall(
  invocation: Invocation & { readonly path: string },
  model: ContractModel,
): BackendCall {
  const { path, method, headers, content, isStream } = invocation;
  const contentType = 'input' in content ? json : invocation.contentType;
  const body = 'input' in content ? Buffer.from(JSON.stringify(content.input)) : content.body;
  const [bare = '', query = ''] = path.split('?', 2);
  const head: RequestHead = { method, path: bare, query, contentType };
  const route = [...openai.routes, ...anthropic.routes].find(
    (known) => known.path === bare && known.methods.includes(method),
  );
  const parser = route?.parser(head) ?? null;
  if (parser === null) return { method, path, contentType, headers, body, isStream };
  const named = withModel(parser, body, model.name);
  return { method, path, contentType, headers, body: named.body, isStream: isStream || named.isStream };
}

/** The body with the model's name in it, be it JSON or a form; where JSON names none, it gets it. */
export function withModel(
  parser: IntentParser,
  body: Buffer,
  name: string,
): { readonly body: Buffer; readonly isStream: boolean } {
  const intent = intentOf(parser, body);
  if (intent === null) return inserted(body, name);
  const { patch } = renamed(intent, '', name);
  if (patch === null) return { body, isStream: intent.isStream };
  const parts = [body.subarray(0, patch.span.start), patch.bytes, body.subarray(patch.span.end)];
  return { body: Buffer.concat(parts), isStream: intent.isStream };
}

/** null: the body names no model. */
function intentOf(parser: IntentParser, body: Buffer): Intent | null {
  try {
    const intent = parser.push(body);
    return intent === 'more' ? parser.end() : intent;
  } catch (error) {
    if (error instanceof PilotlightError && error.code === 'model_required') return null;
    throw error;
  }
}

function inserted(body: Buffer, name: string): { readonly body: Buffer; readonly isStream: boolean } {
  const fields = readJsonObject(body);
  // By bytes: to write the object anew would round the numbers that a double does not hold.
  const at = body.indexOf('{') + 1;
  const comma = Object.keys(fields).length === 0 ? '' : ',';
  const member = Buffer.from(`"model":${JSON.stringify(name)}${comma}`);
  if ('model' in fields) throw new PilotlightError('model_required', 'model is empty, or not a string');
  return {
    body: Buffer.concat([body.subarray(0, at), member, body.subarray(at)]),
    isStream: fields.stream === true,
  };
}
