import { walkMembersBack } from './json-tail.ts';

/** What an answer tells of its tokens; what it does not tell is 0. */
export interface TokenUsage {
  /** In, those from a cache included. */
  readonly promptTokens: number;
  /** Out. */
  readonly completionTokens: number;
  /** Those of `promptTokens` that came from a cache. */
  readonly cachedTokens: number;
}

const maxUsageChars = 4096;
/** The usage stands in one of the last events: before [DONE], message_stop and the like. */
const maxEvents = 8;
/** Objects of an event that carry their own usage: response.completed (Responses API), message_start (Anthropic). */
const carriers = ['response', 'message'];

/** Between two pieces of a body whose chunk framing was relayed; JSON and event streams have no such line of their own. */
const chunkFrame = /\r\n[0-9a-f]{1,8}\r\n/gi;

/**
 * The usage of a JSON answer, out of the end of its body (latin1, and chunk framing may be left in it). Null when the
 * answer tells none, or not within `tail`.
 *
 * Read are OpenAI's `usage` of chats, completions and embeddings (prompt_tokens, completion_tokens), of responses,
 * transcriptions and images (input_tokens, output_tokens), and Anthropic's (its input_tokens do not count those that
 * were read from or written to the cache): https://platform.openai.com/docs/api-reference and
 * https://docs.anthropic.com/en/api/messages.
 */
export function usageOfJson(tail: string): TokenUsage | null {
  const text = unframed(tail).trimEnd();
  if (!text.includes('"usage"')) return null;
  let found = '';
  walkMembersBack(text, { from: 0, end: text.length, maxDepth: 1 }, (name, _depth, start, end) => {
    if (name === 'usage') found = objectAt(text, start, end);
    return name === 'usage';
  });
  return found === '' ? null : usageIn(found);
}

/**
 * The usage of an event stream, out of its end; `first` is its beginning, where Anthropic's message_start tells the
 * tokens in. An event that is not there as a whole is not read.
 */
export function usageOfEvents(tail: string, first = ''): TokenUsage | null {
  const usage = lastUsage(unframed(tail));
  if (usage === null || usage.promptTokens > 0 || first === '') return usage;
  const begun = firstUsage(unframed(first));
  return begun === null ? usage : withPrompt(usage, begun);
}

/** Of the last event that tells any; where that has only tokens out, those in are taken from the one before. */
function lastUsage(text: string): TokenUsage | null {
  let last: TokenUsage | null = null;
  let end = text.length;
  for (let seen = 0; seen < maxEvents && end > 0; ) {
    const lineStart = text.lastIndexOf('\n', end - 1) + 1;
    if (text.startsWith('data:', lineStart)) {
      seen++;
      const usage = usageOfEvent(text.slice(lineStart + 5, end).trim());
      if (usage !== null && last !== null) return withPrompt(last, usage);
      last = usage ?? last;
      if (last !== null && last.promptTokens > 0) return last;
    }
    end = lineStart - 1;
  }
  return last;
}

/** Of the first event that tells any. */
function firstUsage(text: string): TokenUsage | null {
  let start = 0;
  for (let seen = 0; seen < maxEvents; ) {
    const end = text.indexOf('\n', start);
    if (end < 0) return null;
    if (text.startsWith('data:', start)) {
      seen++;
      const usage = usageOfEvent(text.slice(start + 5, end).trim());
      if (usage !== null) return usage;
    }
    start = end + 1;
  }
  return null;
}

function withPrompt(
  { completionTokens }: TokenUsage,
  { promptTokens, cachedTokens }: TokenUsage,
): TokenUsage {
  return { promptTokens, cachedTokens, completionTokens };
}

/** Of an event's data: its own usage, or that of the object that it carries. */
function usageOfEvent(data: string): TokenUsage | null {
  if (!data.includes('"usage"')) return null;
  const members: Members = { own: null, carried: new Map(), inner: null };
  const begin = walkMembersBack(
    data,
    { from: 0, end: data.length, maxDepth: 2 },
    (name, depth, start, end) => {
      note(members, name, depth, objectAt(data, start, end));
      return false;
    },
  );
  // The walk has to end where the data begins, or it was no JSON, or not all of it.
  if (begin !== 0) return null;
  const { own, carried } = members;
  const usage = own || carriers.map((name) => carried.get(name)).find(Boolean);
  return usage ? usageIn(usage) : null;
}

/** Texts of objects, empty for a member that is none; of several members with one name the last counts. */
interface Members {
  own: string | null;
  readonly carried: Map<string, string>;
  /** Of the object that is walked through. */
  inner: string | null;
}

function note(members: Members, name: string, depth: number, object: string): void {
  if (depth === 2) {
    if (name === 'usage') members.inner ??= object;
    return;
  }
  if (name === 'usage') members.own ??= object;
  else if (!members.carried.has(name)) members.carried.set(name, members.inner ?? '');
  members.inner = null;
}

/** The text of the object that stands at `start`; empty when another value does, or one too long to be a usage. */
function objectAt(text: string, start: number, end: number): string {
  let at = start;
  while (text.charCodeAt(at) <= 0x20) at++;
  return text[at] === '{' && end - at <= maxUsageChars ? text.slice(at, end) : '';
}

interface Details {
  readonly cached_tokens?: unknown;
}

interface Usage {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly input_tokens?: unknown;
  readonly output_tokens?: unknown;
  readonly cache_read_input_tokens?: unknown;
  readonly cache_creation_input_tokens?: unknown;
  readonly prompt_tokens_details?: Details | null;
  readonly input_tokens_details?: Details | null;
}

function usageIn(object: string): TokenUsage | null {
  let usage: Usage;
  try {
    usage = JSON.parse(object) as Usage;
  } catch {
    return null;
  }
  const fromCache = count(usage.cache_read_input_tokens);
  const input = count(usage.input_tokens) + fromCache + count(usage.cache_creation_input_tokens);
  const promptTokens = count(usage.prompt_tokens) || input;
  const completionTokens = count(usage.completion_tokens) || count(usage.output_tokens);
  if (promptTokens + completionTokens === 0) return null;
  const details = usage.prompt_tokens_details ?? usage.input_tokens_details;
  const cachedTokens = Math.min(promptTokens, count(details?.cached_tokens) || fromCache);
  return { promptTokens, completionTokens, cachedTokens };
}

/** A number of tokens; 0 for what is none. */
function count(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0;
}

function unframed(text: string): string {
  return text.includes('\r\n') ? text.replace(chunkFrame, '') : text;
}
