import type { AnswerTranslator, BackendCall, ContractModel, Invocation } from '../../core/contract.ts';
import type { JsonObject } from '../../core/json.ts';
import { isJsonObject, readJsonObject } from '../surface-json.ts';
import { responseOfChat } from './chat-answer.ts';
import { chatRequest } from './chat-request.ts';
import { ChatStream } from './chat-stream.ts';

/** The route of OpenAI's Responses API. */
export const responsesPath = '/v1/responses';

/**
 * A call of /v1/responses for a backend that knows chat completions alone: the request is mapped, and so is the answer. Throws
 * not_emulated for what has no counterpart there, bad_request, invalid_body.
 */
export function chatCall(invocation: Invocation, model: ContractModel): BackendCall {
  const { content, headers, id } = invocation;
  const request = requestOf(content);
  const isStream = invocation.isStream || request.stream === true;
  const asked = { ...request, stream: isStream };
  const chat = { ...chatRequest(asked), model: model.name };
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    contentType: 'application/json',
    headers,
    body: Buffer.from(JSON.stringify(chat)),
    isStream,
    translator: chatTranslator(request, responseIdOf(id)),
  };
}

/** The id of the response that a job or a request is to make. */
function responseIdOf(id: string): string {
  return id.startsWith('resp_') ? id : `resp_${id}`;
}

/** Turns the answer of a chat into that of a Responses request. */
function chatTranslator(request: JsonObject, responseId: string): AnswerTranslator {
  const stream = new ChatStream(request, responseId);
  return {
    event: (data) => stream.push(data),
    // The type stands first in what this stream writes.
    nameOf: (data) => /^\{"type":"([a-z_.]+)"/.exec(data)?.[1] ?? 'error',
    whole: ({ status, body }) => {
      if (status >= 400) return body;
      const completion = parse(body);
      const response = completion === null ? null : responseOfChat(request, completion, responseId);
      return response === null ? body : Buffer.from(JSON.stringify(response));
    },
  };
}

function requestOf(content: Invocation['content']): JsonObject {
  if ('body' in content) return readJsonObject(content.body);
  return readJsonObject(Buffer.from(JSON.stringify(content.input)));
}

function parse(body: Buffer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(body.toString());
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
