import type { JsonObject, JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';

/**
 * The text that an output, or a piece of a stream, stands for: a string, a list of them, what OpenAI's chats, completions and
 * responses write (whole, or piece by piece), and TGI's tokens. null: it has none.
 */
export function textOf(output: JsonValue): string | null {
  if (typeof output === 'string') return output;
  if (Array.isArray(output)) return joined(output.map(textOf));
  return isJsonObject(output) ? textOfObject(output) : null;
}

function textOfObject(output: JsonObject): string | null {
  const { choices, type, token } = output;
  if (Array.isArray(choices)) return textOfChoice(choices[0]);
  if (typeof type === 'string' && type.startsWith('response.')) {
    return type === 'response.output_text.delta' ? stringOf(output.delta) : null;
  }
  if (output.object === 'response') return textOfResponse(output.output);
  if (isJsonObject(token)) return stringOf(token.text);
  return stringOf(output.generated_text) ?? stringOf(output.text) ?? stringOf(output.output);
}

function textOfChoice(choice: JsonValue | undefined): string | null {
  if (!isJsonObject(choice)) return null;
  const { delta, message, text } = choice;
  const holder = isJsonObject(delta) ? delta : message;
  return isJsonObject(holder) ? stringOf(holder.content) : stringOf(text);
}

/** Of the messages among its items, the texts (https://platform.openai.com/docs/api-reference/responses/object). */
function textOfResponse(items: JsonValue | undefined): string | null {
  if (!Array.isArray(items)) return null;
  const parts = items
    .filter(isJsonObject)
    .filter(({ type }) => type === 'message')
    .flatMap(({ content }) => (Array.isArray(content) ? content : []));
  return joined(parts.map((part: JsonValue) => (isJsonObject(part) ? stringOf(part.text) : null)));
}

function joined(texts: readonly (string | null)[]): string | null {
  const known = texts.filter((text) => text !== null);
  return known.length === 0 ? null : known.join('');
}

function stringOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
