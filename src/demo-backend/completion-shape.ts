/** What every object of one answer carries. */
export interface AnswerHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** Tokens of one answer, in OpenAI's fields. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** How the objects of one of OpenAI's two completion routes are written. */
export interface CompletionShape {
  readonly idPrefix: string;
  readonly promptField: 'messages' | 'prompt';
  /** The chunk before the first token, where the route has one. */
  opening(head: AnswerHead): object | null;
  token(head: AnswerHead, text: string): object;
  closing(head: AnswerHead, finishReason: string): object;
  usage(head: AnswerHead, usage: Usage): object;
  whole(head: AnswerHead, text: string, end: { finishReason: string; usage: Usage }): object;
}

/** Tells a program what the text tells a person. */
const marks = { system_fingerprint: 'simulated' };

function chatChunk(head: AnswerHead, delta: object, finishReason: string | null): object {
  const choice = { index: 0, delta, logprobs: null, finish_reason: finishReason };
  return { ...head, ...marks, object: 'chat.completion.chunk', choices: [choice] };
}

/** POST /v1/chat/completions. */
export const chatShape: CompletionShape = {
  idPrefix: 'chatcmpl',
  promptField: 'messages',
  opening: (head) => chatChunk(head, { role: 'assistant', content: '' }, null),
  token: (head, text) => chatChunk(head, { content: text }, null),
  closing: (head, finishReason) => chatChunk(head, {}, finishReason),
  usage: (head, usage) => ({ ...head, ...marks, object: 'chat.completion.chunk', choices: [], usage }),
  whole: (head, text, end) => {
    const message = { role: 'assistant', content: text, refusal: null };
    const choice = { index: 0, message, logprobs: null, finish_reason: end.finishReason };
    return { ...head, ...marks, object: 'chat.completion', choices: [choice], usage: end.usage };
  },
};

function textObject(head: AnswerHead, text: string, finishReason: string | null): object {
  const choice = { index: 0, text, logprobs: null, finish_reason: finishReason };
  return { ...head, ...marks, object: 'text_completion', choices: [choice] };
}

/** POST /v1/completions. */
export const textShape: CompletionShape = {
  idPrefix: 'cmpl',
  promptField: 'prompt',
  opening: () => null,
  token: (head, text) => textObject(head, text, null),
  closing: (head, finishReason) => textObject(head, '', finishReason),
  usage: (head, usage) => ({ ...head, ...marks, object: 'text_completion', choices: [], usage }),
  whole: (head, text, end) => ({ ...textObject(head, text, end.finishReason), usage: end.usage }),
};
