import { PilotlightError } from '../core/errors.ts';
import type {
  Dialect,
  Intent,
  IntentParser,
  Protocol,
  ProtocolRoute,
  RequestHead,
} from '../core/protocol.ts';
import { openaiDialect, responsesDialect } from './dialects.ts';
import { FormScanner } from './form-scan.ts';
import { JsonScanner } from './json-scan.ts';
import { intentOf, requireModel } from './model-name.ts';

/**
 * The routes of OpenAI's API (and /v1/rerank, which self-hosted backends add) that name a model. /v1/models is answered
 * from the configuration.
 */
export const openai: Protocol = {
  name: 'openai',
  routes: [
    jsonRoute('/v1/chat/completions'),
    jsonRoute('/v1/completions'),
    jsonRoute('/v1/responses', responsesDialect),
    jsonRoute('/v1/embeddings'),
    jsonRoute('/v1/rerank'),
    jsonRoute('/v1/moderations'),
    jsonRoute('/v1/images/generations'),
    { ...jsonRoute('/v1/audio/speech'), mayAnswerOther: true },
    { ...formRoute('/v1/audio/transcriptions'), mayAnswerOther: true },
    { ...formRoute('/v1/audio/translations'), mayAnswerOther: true },
    formRoute('/v1/images/edits', editsParser),
    formRoute('/v1/images/variations'),
    {
      methods: ['GET'],
      path: '/v1/realtime',
      dialect: openaiDialect,
      modelIn: 'query',
      isWebSocket: true,
      parser: () => null,
      intent: queryIntent,
    },
  ],
};

function jsonRoute(path: string, dialect: Dialect = openaiDialect): ProtocolRoute {
  return { methods: ['POST'], path, dialect, modelIn: 'json', parser: () => new JsonScanner() };
}

function formRoute(path: string, parser: (head: RequestHead) => IntentParser = formParser): ProtocolRoute {
  return { methods: ['POST'], path, dialect: openaiDialect, modelIn: 'form', parser };
}

function formParser(head: RequestHead): IntentParser {
  return new FormScanner(head.contentType);
}

/** Images to edit come as uploads in a form, or as URLs and file ids in JSON. */
function editsParser(head: RequestHead): IntentParser {
  return /^application\/json\b/i.test(head.contentType) ? new JsonScanner() : formParser(head);
}

function queryIntent(head: RequestHead): Intent {
  const names = new URLSearchParams(head.query).getAll('model');
  if (names.length > 1) {
    // Parsers disagree on which one counts, so the backend might serve another model than was admitted.
    throw new PilotlightError('bad_request', 'the query names more than one model', { param: 'model' });
  }
  return { ...intentOf(requireModel(names[0])), modelEncoding: 'query' };
}
