import type { DeskAnswer } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { DataSplitter } from '../data-splitter.ts';
import { isJsonObject } from '../surface-json.ts';

/** Nanoseconds in a millisecond: Ollama's durations. */
const nsPerMs = 1_000_000;

/** How the text of a reply is written: `/api/chat` or `/api/generate`. */
export type ReplyForm = 'chat' | 'generate';

/** What a reply is made of besides the backend's answer. */
export interface ReplyParts {
  readonly form: ReplyForm;
  /** As the client named it. */
  readonly model: string;
  readonly wallMs: () => number;
  readonly beganAtMs: number;
}

/** What was said so far. */
interface Said {
  text: string;
  thinking: string;
  finish: string | null;
  usage: JsonObject;
  /** By index: name and arguments as they grow. */
  readonly calls: Map<number, { name: string; text: string }>;
  firstAtMs: number | null;
}

/** The reply to `stream: false`: one object. */
export function wholeReply(body: JsonValue, answer: DeskAnswer, parts: ReplyParts): JsonObject {
  const said = nothing();
  const choice = firstChoice(body);
  if (choice === null)
    throw new PilotlightError('backend_bad_response', 'the backend answered without choices');
  take(said, choice);
  if (isJsonObject(body) && isJsonObject(body.usage)) said.usage = body.usage;
  const { text, thinking } = said;
  return { ...lineOf({ text, thinking, calls: callsOf(said) }, parts), ...ending(said, answer, parts) };
}

/** The lines of a stream, the last with `done: true`. Throws where the backend's stream has an error in it. */
export async function* replyLines(answer: DeskAnswer, parts: ReplyParts): AsyncGenerator<string> {
  const said = nothing();
  const splitter = new DataSplitter(answer.contentType);
  for await (const chunk of answer.body) {
    for (const data of splitter.push(chunk)) yield* linesOf(data, said, parts);
  }
  for (const data of splitter.end()) yield* linesOf(data, said, parts);
  const calls = callsOf(said);
  if (calls.length > 0) yield written({ ...lineOf({ text: '', thinking: '', calls }, parts), done: false });
  yield written({ ...lineOf({ text: '', thinking: '', calls: [] }, parts), ...ending(said, answer, parts) });
}

function* linesOf(data: string, said: Said, parts: ReplyParts): Generator<string> {
  if (data === '[DONE]') return;
  const event = parsed(data);
  if (isJsonObject(event.error)) {
    const { message } = event.error;
    throw new PilotlightError(
      'backend_error',
      typeof message === 'string' ? message : JSON.stringify(event.error),
    );
  }
  if (isJsonObject(event.usage)) said.usage = event.usage;
  const choice = firstChoice(event);
  if (choice === null) return;
  const { text, thinking } = take(said, choice);
  if (text === '' && thinking === '') return;
  said.firstAtMs ??= parts.wallMs();
  yield written({ ...lineOf({ text, thinking, calls: [] }, parts), done: false });
}

function nothing(): Said {
  return { text: '', thinking: '', finish: null, usage: {}, calls: new Map(), firstAtMs: null };
}

function firstChoice(body: JsonValue): JsonObject | null {
  const choices = isJsonObject(body) ? body.choices : null;
  const [choice] = Array.isArray(choices) ? (choices as readonly JsonValue[]) : [];
  return isJsonObject(choice) ? choice : null;
}

/** Adds a choice, whole or a piece, to what was said; returns what it added. */
function take(said: Said, choice: JsonObject): { readonly text: string; readonly thinking: string } {
  const holder = [choice.delta, choice.message].find(isJsonObject) ?? choice;
  const text = textIn(holder.content) || textIn(holder.text);
  const thinking = textIn(holder.reasoning_content) || textIn(holder.reasoning);
  said.text += text;
  said.thinking += thinking;
  if (typeof choice.finish_reason === 'string') said.finish = choice.finish_reason;
  const calls = Array.isArray(holder.tool_calls) ? (holder.tool_calls as readonly JsonValue[]) : [];
  for (const [place, call] of calls.entries()) {
    if (!isJsonObject(call) || !isJsonObject(call.function)) continue;
    const index = typeof call.index === 'number' ? call.index : place;
    const known = said.calls.get(index) ?? { name: '', text: '' };
    said.calls.set(index, {
      name: known.name + textIn(call.function.name),
      text: known.text + textIn(call.function.arguments),
    });
  }
  return { text, thinking };
}

function textIn(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function callsOf({ calls }: Said): JsonObject[] {
  return [...calls.values()].map(({ name, text }) => ({ function: { name, arguments: argumentsOf(text) } }));
}

/** An object in Ollama's form; a model that wrote no JSON is not mended here. */
function argumentsOf(text: string): JsonValue {
  try {
    return text === '' ? {} : (JSON.parse(text) as JsonValue);
  } catch {
    return { arguments: text };
  }
}

interface Line {
  readonly text: string;
  readonly thinking: string;
  readonly calls: readonly JsonObject[];
}

function lineOf({ text, thinking, calls }: Line, { form, model, wallMs }: ReplyParts): JsonObject {
  const thought = thinking === '' ? {} : { thinking };
  const common = { model, created_at: new Date(wallMs()).toISOString() };
  if (form === 'generate') return { ...common, response: text, ...thought };
  const made = calls.length === 0 ? {} : { tool_calls: calls };
  return { ...common, message: { role: 'assistant', content: text, ...thought, ...made } };
}

function ending(said: Said, { coldMs }: DeskAnswer, { wallMs, beganAtMs }: ReplyParts): JsonObject {
  const nowMs = wallMs();
  const firstAtMs = said.firstAtMs ?? nowMs;
  const count = (name: string) => (typeof said.usage[name] === 'number' ? said.usage[name] : 0);
  return {
    done: true,
    done_reason: said.finish === 'length' ? 'length' : 'stop',
    total_duration: Math.round((nowMs - beganAtMs) * nsPerMs),
    load_duration: Math.round(coldMs * nsPerMs),
    prompt_eval_count: count('prompt_tokens'),
    prompt_eval_duration: Math.max(0, Math.round((firstAtMs - beganAtMs - coldMs) * nsPerMs)),
    eval_count: count('completion_tokens'),
    eval_duration: Math.round((nowMs - firstAtMs) * nsPerMs),
  };
}

function parsed(data: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw new PilotlightError('backend_bad_response', "an event of the backend's stream is not JSON", {
      cause,
    });
  }
  return isJsonObject(value) ? value : {};
}

function written(line: JsonObject): string {
  return `${JSON.stringify(line)}\n`;
}
