import type { Desk, DeskModel } from '../../core/desk.ts';
import type { SurfaceRequest, SurfaceRoute } from '../../core/surface.ts';
import { openaiDialect } from '../dialects.ts';
import { renderModelList } from '../model-list.ts';
import { askAsItCame, openaiPath, replyOf } from '../pass-on.ts';
import { jsonReply } from '../surface-json.ts';

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
        const createdS = Math.floor(desk.wallMs() / 1000);
        const list = renderModelList([{ id: modelOf(request, desk).name, createdS, ownedBy: 'pilotlight' }]);
        return jsonReply(200, JSON.parse(list));
      },
    },
    {
      ...common,
      methods: ['POST'],
      path: `${prefix}/v1/*`,
      async handle(request, desk) {
        const { name: model } = modelOf(request, desk);
        const path = openaiPath(`/v1/${request.params['*'] ?? ''}`);
        return replyOf(await askAsItCame(request, desk, { model, path, patienceMs: null }));
      },
    },
  ];
}
