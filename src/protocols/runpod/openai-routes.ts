import type { Desk, DeskModel } from '../../core/desk.ts';
import type { SurfaceReply, SurfaceRequest, SurfaceRoute } from '../../core/surface.ts';
import { openaiDialect } from '../dialects.ts';
import { isJsonObject, jsonReply, readJsonObject } from '../surface-json.ts';

const prefix = '/v2/:endpoint/openai';

/** `/v2/{endpoint}/openai/v1/...`: OpenAI's API before one model, whatever name the body has for it. */
export function openaiRoutes(
  modelOf: (request: SurfaceRequest, desk: Desk) => DeskModel,
): readonly SurfaceRoute[] {
  const common = { maxBodyBytes: null, dialect: openaiDialect };
  return [
    {
      ...common,
      methods: ['GET'],
      path: `${prefix}/v1/models`,
      async handle(request, desk) {
        const { name } = modelOf(request, desk);
        const data = [{ id: name, object: 'model', created: 0, owned_by: 'pilotlight' }];
        return jsonReply(200, { object: 'list', data });
      },
    },
    {
      ...common,
      methods: ['POST'],
      path: `${prefix}/v1/*`,
      handle: (request, desk) => pass(request, desk, modelOf(request, desk)),
    },
  ];
}

async function pass(request: SurfaceRequest, desk: Desk, model: DeskModel): Promise<SurfaceReply> {
  const { params, headers, body, caller } = request;
  const contentType = headers['content-type'] ?? 'application/json';
  const isJson = /^application\/json\b/i.test(contentType);
  const fields = isJson ? readJsonObject(body) : {};
  const {
    status,
    headers: answered,
    contentType: type,
    body: bytes,
  } = await desk.ask({
    model: model.name,
    invocation: {
      path: `/v1/${params['*'] ?? ''}`,
      method: 'POST',
      contentType,
      headers: {},
      content: { body },
      isStream: isJsonObject(fields) && fields.stream === true,
      id: caller.requestId,
    },
    caller,
    patienceMs: null,
    priority: 1,
  });
  return { status, headers: { ...answered, 'content-type': type }, body: bytes };
}
