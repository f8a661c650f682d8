import type { JsonObject, JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';
import { badItem, notMapped } from './not-mapped.ts';

/** A message of a chat in the making. */
type Message = { role: string; content: JsonValue; tool_call_id?: string; tool_calls?: JsonObject[] };

/**
 * The messages of a chat that say what `instructions` and `input` of a Responses request say. Reasoning of earlier turns is left
 * out, as models are not shown it again. Throws not_emulated for items that a chat has no counterpart for, bad_request.
 */
export function chatMessages(instructions: string | null, input: JsonValue | undefined): JsonObject[] {
  const messages: Message[] = [];
  if (instructions !== null) messages.push({ role: 'system', content: instructions });
  if (typeof input === 'string') messages.push({ role: 'user', content: input });
  else if (Array.isArray(input)) {
    for (const [index, item] of input.entries()) addItem(messages, item, `input[${index}]`);
  } else if (input !== undefined && input !== null) throw badItem('must be text or a list of items', 'input');
  return oneSystemMessage(messages);
}

function addItem(messages: Message[], item: JsonValue, param: string): void {
  if (!isJsonObject(item)) throw badItem('must be an object', param);
  const { type = 'message' } = item;
  switch (type) {
    case 'message':
      messages.push(messageOf(item, param));
      return;
    case 'function_call':
      addToolCall(messages, item, param);
      return;
    case 'function_call_output':
      messages.push({
        role: 'tool',
        tool_call_id: textField(item, 'call_id', param),
        content: outputText(item.output, param),
      });
      return;
    case 'reasoning':
      return;
    default:
      throw notMapped(`an item of type ${JSON.stringify(type)}`, param);
  }
}

function messageOf(item: JsonObject, param: string): Message {
  const { role, content } = item;
  const wanted = role === 'developer' ? 'system' : role;
  if (wanted !== 'user' && wanted !== 'assistant' && wanted !== 'system') {
    throw badItem('must be user, assistant, system or developer', `${param}.role`);
  }
  if (typeof content === 'string') return { role: wanted, content };
  if (!Array.isArray(content)) throw badItem('must be text or a list', `${param}.content`);
  const parts = content.map((part, index) => partOf(part, `${param}.content[${index}]`));
  // Templates of chat models take lists for users alone, and not all of them.
  const texts = parts.map(({ text }) => text);
  if (texts.every((text) => typeof text === 'string')) return { role: wanted, content: texts.join('') };
  if (wanted !== 'user')
    throw notMapped(`what is not text in a message of the ${wanted}`, `${param}.content`);
  return { role: wanted, content: parts };
}

function partOf(part: JsonValue, param: string): JsonObject {
  if (!isJsonObject(part)) throw badItem('must be an object', param);
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: textField(part, 'text', param) };
    case 'refusal':
      return { type: 'text', text: textField(part, 'refusal', param) };
    case 'input_image': {
      if (typeof part.image_url !== 'string') throw notMapped('an image by file_id', param);
      const detail = typeof part.detail === 'string' ? { detail: part.detail } : {};
      return { type: 'image_url', image_url: { url: part.image_url, ...detail } };
    }
    case 'input_file': {
      if (typeof part.file_data !== 'string') throw notMapped('a file by file_id or file_url', param);
      const name = typeof part.filename === 'string' ? { filename: part.filename } : {};
      return { type: 'file', file: { ...name, file_data: part.file_data } };
    }
    case 'input_audio':
      return { type: 'input_audio', input_audio: part.input_audio ?? null };
    default:
      throw notMapped(`content of type ${JSON.stringify(part.type)}`, param);
  }
}

/** Calls that the model made at once belong to one message, that of the text before them. */
function addToolCall(messages: Message[], item: JsonObject, param: string): void {
  const call = {
    id: textField(item, 'call_id', param),
    type: 'function',
    function: { name: textField(item, 'name', param), arguments: textField(item, 'arguments', param) },
  };
  const last = messages.at(-1);
  if (last?.role === 'assistant') last.tool_calls = [...(last.tool_calls ?? []), call];
  else messages.push({ role: 'assistant', content: null, tool_calls: [call] });
}

function outputText(output: JsonValue | undefined, param: string): string {
  if (typeof output === 'string') return output;
  if (!Array.isArray(output)) throw badItem('must be text or a list', `${param}.output`);
  const texts = output.map((part, index) => partOf(part, `${param}.output[${index}]`).text);
  if (texts.every((text) => typeof text === 'string')) return texts.join('');
  throw notMapped('an output of a function that is not text', `${param}.output`);
}

function textField(item: JsonObject, name: string, param: string): string {
  const value = item[name];
  if (typeof value === 'string') return value;
  throw badItem('must be text', `${param}.${name}`);
}

/** Many templates take one system message, at the start: instructions and what follows them at once are joined. */
function oneSystemMessage(messages: readonly Message[]): JsonObject[] {
  const first = messages.findIndex(({ role }) => role !== 'system');
  const count = first < 0 ? messages.length : first;
  if (count < 2) return [...messages] as JsonObject[];
  const content = messages
    .slice(0, count)
    .map((message) => message.content)
    .join('\n\n');
  return [{ role: 'system', content }, ...(messages.slice(count) as JsonObject[])];
}
