import type { AnswerTranslator } from '../core/contract.ts';
import { DataSplitter, pieceKindOf } from './data-splitter.ts';
import { readAnswer } from './read-whole.ts';
import { sseEvent } from './surface-json.ts';

/** A whole answer is translated in memory, and is a short document. */
const maxWholeBytes = 64 * 1024 * 1024;

/** What is known of an answer before its body. */
interface TranslatedHead {
  readonly status: number;
  readonly contentType: string;
}

/**
 * The body of an answer in the form that was asked for: each event of a stream as it comes, anything else at its end. Throws
 * backend_bad_response where the body is too long to be translated.
 */
export async function* translated(
  body: AsyncIterable<Buffer>,
  { status, contentType }: TranslatedHead,
  translator: AnswerTranslator,
): AsyncGenerator<Buffer, void, undefined> {
  if (status < 300 && pieceKindOf(contentType) === 'events') {
    const splitter = new DataSplitter(contentType);
    for await (const chunk of body) yield* eventsOf(splitter.push(chunk), translator);
    yield* eventsOf(splitter.end(), translator);
    return;
  }
  yield translator.whole({ status, contentType, body: await readAnswer(body, maxWholeBytes) });
}

function* eventsOf(pieces: readonly string[], translator: AnswerTranslator): Generator<Buffer> {
  for (const data of pieces.flatMap((piece) => translator.event(piece))) {
    const event = translator.nameOf?.(data);
    yield Buffer.from(sseEvent(event === undefined ? { data } : { event, data }));
  }
}
