import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { Fields, isJsonObject } from '../surface-json.ts';

/** A request in OpenAI's form, and where it goes. */
export interface OpenaiRequest {
  readonly path: '/v1/chat/completions' | '/v1/completions';
  readonly body: JsonObject;
}

/** Ollama's options by OpenAI's names, those that vLLM and llama-server add to them included. */
const optionNames: Readonly<Record<string, string>> = {
  temperature: 'temperature',
  top_p: 'top_p',
  seed: 'seed',
  stop: 'stop',
  num_predict: 'max_tokens',
  presence_penalty: 'presence_penalty',
  frequency_penalty: 'frequency_penalty',
  top_k: 'top_k',
  min_p: 'min_p',
  repeat_penalty: 'repetition_penalty',
};

/** `/api/chat` as a chat completion. Throws bad_request, not_emulated. */
export function chatRequest(body: JsonObject): OpenaiRequest {
  const { messages, tools } = body;
  if (!Array.isArray(messages)) throw wrong('messages', 'must be a list');
  return {
    path: '/v1/chat/completions',
    body: {
      messages: (messages as readonly JsonValue[]).map(messageOf),
      ...(Array.isArray(tools) && tools.length > 0 ? { tools } : {}),
      ...commonPart(body),
    },
  };
}

/** `/api/generate`: a chat of one message, or with `raw` or a `suffix` a completion. Throws bad_request, not_emulated. */
export function generateRequest(body: JsonObject): OpenaiRequest {
  const fields = new Fields(body);
  const prompt = fields.text('prompt') ?? '';
  const suffix = fields.text('suffix');
  if (fields.text('template') !== null) throw refused('template', "the backend's own template is used");
  if (Array.isArray(body.context) && body.context.length > 0) {
    throw refused('context', 'a conversation goes on by /api/chat with its messages');
  }
  if (fields.boolean('raw') === true || (suffix !== null && suffix !== '')) {
    const completion = suffix === null ? { prompt } : { prompt, suffix };
    return { path: '/v1/completions', body: { ...completion, ...commonPart(body) } };
  }
  const system = fields.text('system');
  const first = system === null || system === '' ? [] : [{ role: 'system', content: system }];
  const asked = messageOf({
    role: 'user',
    content: prompt,
    ...(body.images === undefined ? {} : { images: body.images }),
  });
  return { path: '/v1/chat/completions', body: { messages: [...first, asked], ...commonPart(body) } };
}

function commonPart(body: JsonObject): JsonObject {
  const options = new Fields(body).object('options') ?? {};
  const mapped = Object.entries(options).flatMap(([name, value]) => {
    const target = optionNames[name];
    // -1 and -2 are Ollama's words for as many as there are, which is what others do unasked.
    const isUnbounded = name === 'num_predict' && typeof value === 'number' && value < 0;
    return target === undefined || isUnbounded ? [] : [[target, value] as const];
  });
  return { ...Object.fromEntries(mapped), ...formatPart(body.format), ...thinkPart(body.think) };
}

function formatPart(format: JsonValue | undefined): JsonObject {
  if (format === 'json') return { response_format: { type: 'json_object' } };
  if (!isJsonObject(format)) return {};
  return { response_format: { type: 'json_schema', json_schema: { name: 'format', schema: format } } };
}

/** Levels are OpenAI's reasoning_effort; yes and no are a switch of the chat template (vLLM, SGLang, llama-server). */
function thinkPart(think: JsonValue | undefined): JsonObject {
  if (typeof think === 'string') return { reasoning_effort: think };
  return typeof think === 'boolean' ? { chat_template_kwargs: { enable_thinking: think } } : {};
}

function messageOf(message: JsonValue): JsonObject {
  if (!isJsonObject(message)) throw wrong('messages', 'must be a list of objects');
  const { role, content, images, tool_calls: calls, tool_name: name } = message;
  if (typeof role !== 'string') throw wrong('messages.role', 'must be text');
  const text = typeof content === 'string' ? content : '';
  const parts = Array.isArray(images) && images.length > 0 ? contentParts(text, images) : text;
  return {
    role,
    content: parts,
    ...(Array.isArray(calls) && calls.length > 0 ? { tool_calls: calls.map(callOf) } : {}),
    ...(role === 'tool' ? { tool_call_id: callId(typeof name === 'string' ? name : '') } : {}),
  };
}

function contentParts(text: string, images: readonly JsonValue[]): JsonValue {
  return [
    { type: 'text', text },
    ...images.map((image) => ({ type: 'image_url', image_url: { url: imageUrl(image) } })),
  ];
}

/** Ollama's images are base64 without a type: told by their first bytes, as browsers do. */
function imageUrl(image: JsonValue): string {
  if (typeof image !== 'string') throw wrong('images', 'must be a list of base64 texts');
  const type = image.startsWith('/9j/')
    ? 'jpeg'
    : image.startsWith('R0lG')
      ? 'gif'
      : image.startsWith('UklGR')
        ? 'webp'
        : 'png';
  return `data:image/${type};base64,${image}`;
}

/** Ollama's calls have no ids: they are told apart by the name of their function. */
function callOf(call: JsonValue): JsonObject {
  const made = isJsonObject(call) && isJsonObject(call.function) ? call.function : null;
  if (made === null || typeof made.name !== 'string')
    throw wrong('messages.tool_calls', 'must have function.name');
  const given = made.arguments ?? {};
  return {
    id: callId(made.name),
    type: 'function',
    function: { name: made.name, arguments: typeof given === 'string' ? given : JSON.stringify(given) },
  };
}

function callId(name: string): string {
  return `call_${name}`;
}

function wrong(param: string, message: string): PilotlightError {
  return new PilotlightError('bad_request', `${param} ${message}`, { param });
}

function refused(param: string, message: string): PilotlightError {
  return new PilotlightError('not_emulated', `${param} is not served: ${message}`, { param });
}
