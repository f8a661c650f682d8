import type { AnswerTranslator } from '../../core/contract.ts';
import type { Desk, DeskAnswer } from '../../core/desk.ts';
import type { JsonObject } from '../../core/json.ts';
import type { SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { DataSplitter, pieceKindOf } from '../data-splitter.ts';
import { askAsItCame, replyOf } from '../pass-on.ts';
import { readWhole } from '../read-whole.ts';
import { isJsonObject, sseEvent, sseHeaders } from '../surface-json.ts';
import { chatTranslator, responseIdOf, responsesPath } from './chat-call.ts';

/**
 * A response that is waited for: from the backend as it is, or from its chat completions where the model is set so. It is not
 * kept, whatever `store` says.
 */
export async function askNow(request: SurfaceRequest, desk: Desk, body: JsonObject): Promise<SurfaceReply> {
  const model = desk.model(String(body.model));
  const answer = await askAsItCame(request, desk, {
    model: model.name,
    path: responsesPath,
    patienceMs: null,
  });
  if (model.contractModel.responses === 'backend' || answer.status >= 400) return replyOf(answer);
  const translator = chatTranslator({ ...body, store: false }, responseIdOf(request.caller.requestId));
  return translated(answer, translator);
}

async function translated(answer: DeskAnswer, translator: AnswerTranslator): Promise<SurfaceReply> {
  const { status, contentType } = answer;
  const { 'content-length': _, ...headers } = answer.headers;
  if (pieceKindOf(contentType) === 'events') {
    return { status, headers: { ...headers, ...sseHeaders }, body: translatedEvents(answer, translator) };
  }
  const body = translator.whole({ status, contentType, body: await readWhole(answer.body) });
  return { status, headers: { ...headers, 'content-type': contentType }, body };
}

async function* translatedEvents(
  { body, contentType }: DeskAnswer,
  translator: AnswerTranslator,
): AsyncGenerator<string, void, undefined> {
  const splitter = new DataSplitter(contentType);
  const tell = (pieces: readonly string[]) => pieces.flatMap((data) => translator.event(data)).map(named);
  for await (const chunk of body) yield* tell(splitter.push(chunk));
  yield* tell(splitter.end());
}

/** An event under its own name, as OpenAI sends it. */
function named(data: string): string {
  const event: unknown = JSON.parse(data);
  return sseEvent({ event: isJsonObject(event) ? String(event.type) : 'message', data });
}
