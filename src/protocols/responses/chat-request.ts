import type { JsonObject, JsonValue } from '../../core/json.ts';
import { Fields, isJsonObject } from '../surface-json.ts';
import { chatMessages } from './chat-messages.ts';
import { badItem, notMapped } from './not-mapped.ts';

/** Fields of the Responses API that say nothing to a model: what they ask for happens here, or not at all. */
const ownFields = [
  'background',
  'include',
  'max_tool_calls',
  'metadata',
  'previous_response_id',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
  'store',
  'stream_options',
];

/** Fields that have another form in a chat. */
const mappedFields = [
  'input',
  'instructions',
  'max_output_tokens',
  'reasoning',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'truncation',
];

/** Fields that a chat has no counterpart for: refused where they are given. */
const refusedFields = ['conversation', 'prompt', 'context_management', 'moderation', 'image'];

/**
 * The chat completion that a Responses request asks for. What belongs to neither API (top_k, chat_template_kwargs of vLLM) goes
 * along. Throws not_emulated for what cannot be mapped, bad_request.
 */
export function chatRequest(request: JsonObject): JsonObject {
  for (const name of refusedFields) {
    if (request[name] !== undefined && request[name] !== null) throw notMapped(name, name);
  }
  if (request.truncation === 'auto') throw notMapped('truncation: auto', 'truncation');
  const fields = new Fields(request);
  const others = Object.entries(request).filter(
    ([name]) => ![...ownFields, ...mappedFields, ...refusedFields].includes(name),
  );
  return {
    ...Object.fromEntries(others),
    messages: chatMessages(fields.text('instructions'), request.input),
    ...given('max_tokens', fields.number('max_output_tokens', { min: 1, max: Number.MAX_SAFE_INTEGER })),
    ...given('reasoning_effort', request.reasoning ? (fields.object('reasoning')?.effort ?? null) : null),
    ...textFields(fields.object('text')),
    ...toolFields(request),
    ...logprobFields(request),
    ...(request.stream === true ? { stream_options: { include_usage: true } } : {}),
  };
}

function given(name: string, value: JsonValue): JsonObject {
  return value === null ? {} : { [name]: value };
}

function textFields(text: JsonObject | null): JsonObject {
  if (text === null) return {};
  const { format, verbosity = null } = text;
  return { ...given('verbosity', verbosity), ...formatOf(format) };
}

function formatOf(format: JsonValue | undefined): JsonObject {
  if (format === undefined || format === null) return {};
  if (!isJsonObject(format)) throw badItem('must be an object', 'text.format');
  const { type, ...schema } = format;
  switch (type) {
    case 'text':
      return {};
    case 'json_object':
      return { response_format: { type } };
    case 'json_schema':
      return { response_format: { type, json_schema: schema } };
    default:
      throw notMapped(`a format of type ${JSON.stringify(type)}`, 'text.format');
  }
}

function toolFields({ tools, tool_choice: choice }: JsonObject): JsonObject {
  if (tools !== undefined && tools !== null && !Array.isArray(tools))
    throw badItem('must be a list', 'tools');
  const list = (tools ?? []) as readonly JsonValue[];
  const mapped = list.map((tool, index) => toolOf(tool, `tools[${index}]`));
  if (mapped.length === 0) return {};
  return { tools: mapped, ...given('tool_choice', choiceOf(choice)) };
}

function toolOf(tool: JsonValue, param: string): JsonObject {
  if (!isJsonObject(tool)) throw badItem('must be an object', param);
  const { type, ...definition } = tool;
  if (type !== 'function') throw notMapped(`a tool of type ${JSON.stringify(type)}`, param);
  return { type, function: definition };
}

function choiceOf(choice: JsonValue | undefined): JsonValue {
  if (choice === undefined || choice === null) return null;
  if (choice === 'auto' || choice === 'none' || choice === 'required') return choice;
  if (isJsonObject(choice) && choice.type === 'function' && typeof choice.name === 'string') {
    return { type: 'function', function: { name: choice.name } };
  }
  throw notMapped('this tool_choice', 'tool_choice');
}

function logprobFields({ top_logprobs: top, include }: JsonObject): JsonObject {
  const isIncluded = Array.isArray(include) && include.includes('message.output_text.logprobs');
  if (typeof top === 'number') return { logprobs: true, top_logprobs: top };
  return isIncluded ? { logprobs: true } : {};
}
