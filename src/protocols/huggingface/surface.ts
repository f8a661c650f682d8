import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type {
  Surface,
  SurfaceDialect,
  SurfaceOptions,
  SurfaceReply,
  SurfaceRequest,
} from '../../core/surface.ts';
import { askAsItCame, openaiPath, replyOf } from '../pass-on.ts';
import { jsonReply, sseEvent } from '../surface-json.ts';
import { route } from '../surface-route.ts';

/** Routes of the containers that Hugging Face runs (TGI, TEI) besides the root and OpenAI's. */
const containerPaths = [
  'generate',
  'generate_stream',
  'embed',
  'embed_sparse',
  'rerank',
  'predict',
  'similarity',
];
/** The longest that X-Scale-Up-Timeout may hold a request. */
const maxHoldS = 3_600;

/** `{"error": TEXT}`; while a model starts with the seconds that it is expected to take. */
const dialect: SurfaceDialect = {
  name: 'huggingface',
  renderError: (error) => JSON.stringify({ error: error.message, ...estimate(error) }),
  renderStreamError: (error) =>
    sseEvent({ event: 'error', data: JSON.stringify({ error: error.message, error_type: error.code }) }),
  renderHeartbeat: () => ':\n\n',
};

function estimate({ code, retryAfterMs }: PilotlightError): JsonObject {
  return code === 'cold' ? { estimated_time: retryAfterMs / 1000 } : {};
}

/**
 * Hugging Face's Inference Endpoints (https://huggingface.co/docs/inference-endpoints): the URL of an endpoint is the surface's
 * with the name of a model, the root of its container below it. The states are those of the management API.
 */
export const huggingface: Surface = {
  name: 'huggingface',
  dialect,
  hasJobs: false,
  routes: (options) => [
    route('POST', '/:model', (request, desk) => ask(request, desk, { options, path: null })),
    route('POST', '/:model/', (request, desk) => ask(request, desk, { options, path: null })),
    ...containerPaths.map((path) =>
      route('POST', `/:model/${path}`, (request, desk) => ask(request, desk, { options, path: `/${path}` })),
    ),
    route('POST', '/:model/v1/*', (request, desk) => {
      const path = openaiPath(`/v1/${request.params['*'] ?? ''}`);
      return ask(request, desk, { options, path });
    }),
    route('GET', '/:model/health', health),
    route('GET', '/v2/endpoint/:namespace', async ({ params }, desk) =>
      jsonReply(200, { items: desk.models().map((model) => renderEndpoint(model, params.namespace ?? '')) }),
    ),
    route('GET', '/v2/endpoint/:namespace/:model', async ({ params }, desk) =>
      jsonReply(200, renderEndpoint(desk.model(params.model ?? ''), params.namespace ?? '')),
    ),
  ],
};

async function ask(
  request: SurfaceRequest,
  desk: Desk,
  { options, path }: { readonly options: SurfaceOptions; readonly path: string | null },
): Promise<SurfaceReply> {
  const model = desk.model(request.params.model ?? '');
  const patienceMs = holdOf(request.headers, options);
  if (patienceMs === 'none') refuseCold(model);
  const held = patienceMs === 'none' ? null : patienceMs;
  return replyOf(await askAsItCame(request, desk, { model: model.name, path, patienceMs: held }));
}

/**
 * How long a request is held while its model starts: `X-Scale-Up-Timeout` seconds, or with `x-wait-for-model: true` as long as
 * the model's queue allows (null). Without either: as this gateway does, or under the platform's limits not at all.
 */
function holdOf(headers: SurfaceRequest['headers'], { limits }: SurfaceOptions): number | null | 'none' {
  const text = headers['x-scale-up-timeout'];
  if (text !== undefined) {
    const seconds = Number(text);
    if (Number.isFinite(seconds) && seconds >= 0 && seconds <= maxHoldS) return seconds * 1000 || 'none';
    const message = `X-Scale-Up-Timeout must be from 0 to ${maxHoldS} seconds`;
    throw new PilotlightError('bad_request', message, { param: 'x-scale-up-timeout' });
  }
  const wait = headers['x-wait-for-model']?.toLowerCase();
  if (wait === 'true' || wait === '1') return null;
  return limits === 'original' || wait === 'false' || wait === '0' ? 'none' : null;
}

/** 503 while it starts; who asks has it started. */
function refuseCold(model: DeskModel): void {
  if (model.readyReplicas > 0) return;
  const refusal = model.wake();
  if (refusal !== null) throw refusal;
  const { state, etaMs } = model.wakeInfo();
  if (state === 'ready') return;
  const message = `model ${JSON.stringify(model.name)} is ${hubState(state)}: it is being started; X-Scale-Up-Timeout holds a request meanwhile`;
  throw new PilotlightError('cold', message, etaMs === null ? {} : { retryAfterMs: etaMs });
}

async function health({ params }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const model = desk.model(params.model ?? '');
  return { status: model.readyReplicas > 0 ? 200 : 503, headers: {}, body: null };
}

function renderEndpoint(model: DeskModel, namespace: string): JsonObject {
  const { state, detail, step } = model.wakeInfo();
  return {
    name: model.name,
    namespace,
    type: 'protected',
    status: { state: hubState(state), message: detail ?? step ?? '', readyReplica: model.readyReplicas },
  };
}

/** The word of the management API for a state of a model. */
function hubState(state: string): string {
  switch (state) {
    case 'ready':
      return 'running';
    case 'starting':
      return 'initializing';
    case 'failed':
    case 'paused':
      return state;
    case 'held':
    case 'draining':
      return 'updating';
    default:
      return 'scaledToZero';
  }
}
