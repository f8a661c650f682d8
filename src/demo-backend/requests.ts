/** Why a request is not served: status and message of the OpenAI-style error answer. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  /** The JSON body, in the fields that llama-server and OpenAI share. */
  render(): string {
    const type = this.status < 500 ? 'invalid_request_error' : 'unavailable_error';
    return JSON.stringify({ error: { message: this.message, type, param: null, code: this.status } });
  }
}

/** A body whose top level is an object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether it is an object, and neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws DemoError 400 when it is not a JSON object. */
export function parseBody(body: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw Object.assign(new DemoError(400, 'the body is not JSON'), { cause });
  }
  if (!isObject(value)) throw new DemoError(400, 'the body is not a JSON object');
  return value;
}

function readCount(body: JsonObject, fields: readonly string[]): number | undefined {
  for (const field of fields) {
    const value = body[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
      throw new DemoError(400, `${field} must be a whole number above 0`);
    }
    return value;
  }
  return undefined;
}

/** What a chat or text completion asks for. */
export interface CompletionRequest {
  readonly isStream: boolean;
  readonly includesUsage: boolean;
  readonly prompt: string;
  readonly tokens: number;
  /** `length` when max_tokens cut the answer short. */
  readonly finishReason: 'stop' | 'length';
}

/**
 * Reads a completion. `max_tokens` (`max_completion_tokens`) cuts the answer; with vLLM's `ignore_eos` it is the
 * length of the answer. Throws DemoError 400.
 */
export function readCompletion(
  body: JsonObject,
  promptField: 'messages' | 'prompt',
  answerTokens: number,
): CompletionRequest {
  const prompt = body[promptField];
  if (promptField === 'messages' ? !Array.isArray(prompt) : prompt === undefined) {
    throw new DemoError(400, promptField === 'messages' ? 'messages must be an array' : 'prompt is missing');
  }
  const maxTokens = readCount(body, ['max_completion_tokens', 'max_tokens']) ?? Number.POSITIVE_INFINITY;
  const wanted = body.ignore_eos === true && Number.isFinite(maxTokens) ? maxTokens : answerTokens;
  const streamOptions = body.stream_options;
  return {
    isStream: body.stream === true,
    includesUsage: isObject(streamOptions) && streamOptions.include_usage === true,
    prompt: typeof prompt === 'string' ? prompt : JSON.stringify(prompt),
    tokens: Math.min(wanted, maxTokens),
    finishReason: maxTokens <= wanted ? 'length' : 'stop',
  };
}

/** What an embedding request asks for. */
export interface EmbeddingRequest {
  readonly inputs: readonly string[];
  readonly dimensions: number;
  /** The OpenAI SDKs ask for base64 (little-endian float32) unless told otherwise. */
  readonly isBase64: boolean;
}

const defaultDimensions = 384;
const maxDimensions = 8_192;

/** Reads an embedding request; an input is a text or an array of token ids. Throws DemoError 400. */
export function readEmbedding(body: JsonObject): EmbeddingRequest {
  const { input } = body;
  const isOneTokenArray = Array.isArray(input) && typeof input[0] === 'number';
  const inputs: unknown[] = Array.isArray(input) && !isOneTokenArray ? input : [input];
  const isFit = inputs.every((entry) => typeof entry === 'string' || Array.isArray(entry));
  if (!isFit || inputs.length === 0) throw new DemoError(400, 'input must be a text or a list of texts');
  const dimensions = readCount(body, ['dimensions']) ?? defaultDimensions;
  if (dimensions > maxDimensions) throw new DemoError(400, `dimensions must be at most ${maxDimensions}`);
  return {
    inputs: inputs.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry))),
    dimensions,
    isBase64: body.encoding_format === 'base64',
  };
}
