import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type {
  Surface,
  SurfaceOptions,
  SurfaceReply,
  SurfaceRequest,
  SurfaceRoute,
} from '../../core/surface.ts';
import { openaiDialect } from '../dialects.ts';
import { askAsItCame, replyOf } from '../pass-on.ts';
import { predict } from '../predict.ts';
import { jsonReply, readJsonObject } from '../surface-json.ts';
import { renderStatus, vertexDialect } from './dialect.ts';
import { streamingPredict } from './streaming-predict.ts';

/** Limits of dedicated endpoints (https://cloud.google.com/vertex-ai/docs/predictions/choose-endpoint-type). */
const dedicated = { maxBodyBytes: 10 * 1024 * 1024, runMs: 600_000 } as const;

/** Fields that stay between the client and this gateway. */
const ownField = /^x-(api-key|request-id|real-ip|forwarded-.*|goog-.*|pilotlight-.*)$/;

/** Verbs of the API that nothing here stands behind. */
const unserved = ['explain', 'directPredict', 'directRawPredict', 'generateContent', 'streamGenerateContent'];

/** What a verb works with. */
interface Asked {
  readonly model: DeskModel;
  /** The endpoint as the client named it. */
  readonly endpoint: string;
  readonly runMs?: number;
}

type Verb = (request: SurfaceRequest, desk: Desk, asked: Asked) => Promise<SurfaceReply>;

const verbs = new Map<string, Verb>([
  ['predict', predictions],
  ['rawPredict', raw],
  ['streamRawPredict', (request, desk, asked) => raw(request, desk, { ...asked, isStream: true })],
  ['serverStreamingPredict', streamingPredict],
]);

/**
 * Vertex AI's online prediction: the endpoint's id is the name or alias of a model, project and location are not looked at
 * (https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints).
 */
export const vertex: Surface = {
  name: 'vertex',
  dialect: vertexDialect,
  hasJobs: false,
  routes: (options) => ['v1', 'v1beta1'].flatMap((version) => routesOf(version, options)),
};

function routesOf(version: string, { limits }: SurfaceOptions): readonly SurfaceRoute[] {
  const isOriginal = limits === 'original';
  const path = `/${version}/projects/:project/locations/:location/endpoints/:target`;
  const common = { methods: ['POST'], maxBodyBytes: isOriginal ? dedicated.maxBodyBytes : null };
  const bound = isOriginal ? { runMs: dedicated.runMs } : {};
  return [
    {
      ...common,
      path,
      handle: (request, desk) => {
        const { verb, endpoint } = targetOf(request);
        return verb(request, desk, { endpoint, model: desk.model(endpoint), ...bound });
      },
    },
    {
      ...common,
      path: `${path}/chat/completions`,
      dialect: openaiDialect,
      handle: async (request, desk) => {
        const { name } = desk.model(request.params.target ?? '');
        const how = { model: name, path: '/v1/chat/completions', patienceMs: null, ...bound };
        return replyOf(await askAsItCame(request, desk, how));
      },
    },
  ];
}

/** `llama:predict`: the name of a model may have a colon of its own. */
function targetOf({ params }: SurfaceRequest): { readonly verb: Verb; readonly endpoint: string } {
  const { target = '' } = params;
  const colon = target.lastIndexOf(':');
  const name = target.slice(colon + 1);
  const verb = verbs.get(name);
  if (colon > 0 && verb !== undefined) return { verb, endpoint: target.slice(0, colon) };
  if (unserved.includes(name)) throw new PilotlightError('not_emulated', `:${name} is not served`);
  const known = [...verbs.keys()].map((key) => `:${key}`).join(', ');
  throw new PilotlightError('route_not_found', `an endpoint is asked with ${known}`);
}

/** https://cloud.google.com/vertex-ai/docs/reference/rest/v1/PredictResponse */
async function predictions(request: SurfaceRequest, desk: Desk, asked: Asked): Promise<SurfaceReply> {
  const { model } = asked;
  const fields = readJsonObject(request.body);
  const { predictions: list, metadata, status, error } = await predict(request, desk, { ...asked, fields });
  if (error !== null) {
    const failed = status < 400 ? 500 : status;
    return {
      status: failed,
      headers: { 'content-type': 'application/json' },
      body: renderStatus(failed, error),
    };
  }
  const { project = '', location = '' } = request.params;
  return jsonReply(200, {
    predictions: list,
    deployedModelId: model.name,
    model: `projects/${project}/locations/${location}/models/${model.name}`,
    modelDisplayName: model.name,
    modelVersionId: '1',
    ...(metadata === undefined ? {} : { metadata }),
  });
}

/** Bytes there and back, of whatever type and status, streamed or not. */
async function raw(
  request: SurfaceRequest,
  desk: Desk,
  { model, endpoint, runMs, isStream }: Asked & { readonly isStream?: boolean },
): Promise<SurfaceReply> {
  const answer = await askAsItCame(request, desk, {
    model: model.name,
    path: null,
    headers: onward(request.headers),
    patienceMs: null,
    ...(runMs === undefined ? {} : { runMs }),
    ...(isStream === undefined ? {} : { isStream }),
  });
  const reply = replyOf(answer);
  const ids = { 'x-vertex-ai-endpoint-id': endpoint, 'x-vertex-ai-deployed-model-id': model.name };
  return { ...reply, headers: { ...reply.headers, ...ids } };
}

function onward(headers: SurfaceRequest['headers']): Record<string, string> {
  const known = ['accept', 'traceparent', 'tracestate'];
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => known.includes(name) || (/^x-/.test(name) && !ownField.test(name)),
    ),
  );
}
