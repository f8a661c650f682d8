/** What an answer tells of its tokens; what it does not tell is 0. */
export interface TokenUsage {
  /** In, those from a cache included. */
  readonly promptTokens: number;
  /** Out. */
  readonly completionTokens: number;
  /** Those of `promptTokens` that came from a cache. */
  readonly cachedTokens: number;
}

type Json = Readonly<Record<string, unknown>>;

const key = '"usage"';
/** How many places that may be it are looked at. */
const maxTries = 8;
/** Further from the end it is not looked for in a JSON answer. */
const maxRestChars = 8 * 1024;
/** An event of more characters is not parsed. */
const maxEventChars = 64 * 1024;
/** Objects of an event that carry its usage: response.completed (Responses API), message_start (Anthropic). */
const carriers = ['response', 'message'];

/** Between two pieces of a body whose chunk framing was relayed; JSON and event streams have no such line of their own. */
const chunkFrame = /\r\n[0-9a-f]{1,8}\r\n/gi;

/**
 * The usage of a JSON answer, out of the end of its body (latin1; chunk framing may be left in it). Null when the answer
 * tells none, or not within `tail`. For bodies whose content-type is JSON only: of another text it may tell anything.
 *
 * Read are OpenAI's `usage` of chats, completions and embeddings (prompt_tokens, completion_tokens) and of responses,
 * transcriptions and images (input_tokens, output_tokens), and Anthropic's, whose input_tokens do not count what was
 * read from the cache or written to it: https://platform.openai.com/docs/api-reference,
 * https://docs.anthropic.com/en/api/messages.
 */
export function usageOfJson(tail: string): TokenUsage | null {
  const text = unframed(tail);
  let at = lastKey(text, text.length);
  for (let tries = 0; tries < maxTries && at > 0 && text.length - at <= maxRestChars; tries++) {
    // Unescaped, its quote opens the key of a member. What follows closes the objects that it is in: with one brace
    // before it that is valid JSON only where it is a member of the outermost.
    const rest = text[at - 1] === '\\' ? null : parsed(`{${text.slice(at)}`);
    if (rest !== null) return usageIn(rest.usage);
    at = lastKey(text, at - 1);
  }
  return null;
}

/**
 * The usage of an event stream, out of its end; `first` is its beginning, where Anthropic's message_start tells the
 * tokens in. An event that is not there as a whole is not read.
 */
export function usageOfEvents(tail: string, first = ''): TokenUsage | null {
  const text = unframed(tail);
  let last: TokenUsage | null = null;
  let at = lastKey(text, text.length);
  for (let tries = 0; tries < maxTries && at > 0; tries++) {
    const lineStart = text.lastIndexOf('\n', at) + 1;
    const usage = usageOfLine(text, lineStart);
    if (last !== null && usage !== null) return withPrompt(last, usage);
    last ??= usage;
    if (last !== null && last.promptTokens > 0) return last;
    at = lastKey(text, lineStart - 1);
  }
  const begun = last === null ? null : usageOfBeginning(first);
  return begun === null ? last : withPrompt(last!, begun);
}

function usageOfBeginning(first: string): TokenUsage | null {
  const text = unframed(first);
  const at = text.indexOf(key);
  return at < 0 ? null : usageOfLine(text, text.lastIndexOf('\n', at) + 1);
}

function withPrompt(
  { completionTokens }: TokenUsage,
  { promptTokens, cachedTokens }: TokenUsage,
): TokenUsage {
  return { promptTokens, cachedTokens, completionTokens };
}

function usageOfLine(text: string, start: number): TokenUsage | null {
  if (!text.startsWith('data:', start)) return null;
  const newline = text.indexOf('\n', start);
  const end = newline < 0 ? text.length : newline;
  const event = end - start > maxEventChars ? null : parsed(text.slice(start + 5, end));
  if (event === null) return null;
  for (const object of [event, ...carriers.map((name) => event[name])])
    if (isObject(object) && isObject(object.usage)) return usageIn(object.usage);
  return null;
}

/** Where the last of the keys begins that begin at `from` or before; -1 when none does. */
function lastKey(text: string, from: number): number {
  // Searching forwards is much faster, and most texts without it are long.
  return from < 0 || !text.includes(key) ? -1 : text.lastIndexOf(key, from);
}

/** The object that this text is; null when it is none. */
function parsed(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function usageIn(usage: unknown): TokenUsage | null {
  if (!isObject(usage)) return null;
  const fromCache = count(usage.cache_read_input_tokens);
  const input = count(usage.input_tokens) + fromCache + count(usage.cache_creation_input_tokens);
  const promptTokens = count(usage.prompt_tokens) || input;
  const completionTokens = count(usage.completion_tokens) || count(usage.output_tokens);
  if (promptTokens + completionTokens === 0) return null;
  const details = usage.prompt_tokens_details ?? usage.input_tokens_details;
  const told = isObject(details) ? count(details.cached_tokens) : 0;
  return { promptTokens, completionTokens, cachedTokens: Math.min(promptTokens, told || fromCache) };
}

/** A number of tokens; 0 for what is none. */
function count(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0;
}

function unframed(text: string): string {
  return text.includes('\r\n') ? text.replace(chunkFrame, '') : text;
}

/** What an answer was kept of, for its usage. */
interface Tail {
  readonly kind: 'json' | 'sse';
  /** The beginning of its body. */
  readonly first: string;
  /** The end of it. */
  readonly end: string;
}

/** The usage of an answer of which that much was kept. */
export function usageOf(tail: Tail | null): TokenUsage | null {
  if (tail === null) return null;
  return tail.kind === 'json' ? usageOfJson(tail.end) : usageOfEvents(tail.end, tail.first);
}
