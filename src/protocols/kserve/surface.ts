import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type {
  Surface,
  SurfaceDialect,
  SurfaceOptions,
  SurfaceReply,
  SurfaceRequest,
  SurfaceRoute,
} from '../../core/surface.ts';
import { askAsItCame, replyOf } from '../pass-on.ts';
import { predict } from '../predict.ts';
import { jsonReply, readJsonObject } from '../surface-json.ts';

/** KServe's errors: `{"error": TEXT}` under the status of the error. */
const kserveDialect: SurfaceDialect = {
  name: 'kserve',
  renderError: (error) => JSON.stringify({ error: error.message }),
  renderStreamError: (error) => `data: ${JSON.stringify({ error: error.message })}\n\n`,
  renderHeartbeat: () => ':\n\n',
};

/** Fields that a server of the protocol reads: of its binary tensors, and of CloudEvents. */
const onward = /^(accept|traceparent|tracestate|inference-header-content-length|ce-.+)$/;

/**
 * KServe's data plane: v1 (https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol) and v2, which is the
 * Open Inference Protocol (https://github.com/kserve/open-inference-protocol), over REST.
 */
export const kserve: Surface = {
  name: 'kserve',
  dialect: kserveDialect,
  hasJobs: false,
  routes: (options) => [...firstProtocol(options), ...secondProtocol()],
};

function get(path: string, handle: SurfaceRoute['handle']): SurfaceRoute {
  return { methods: ['GET'], path, maxBodyBytes: null, handle };
}

function post(path: string, handle: SurfaceRoute['handle']): SurfaceRoute {
  return { methods: ['POST'], path, maxBodyBytes: null, handle };
}

/** Where OpenAI's routes are, GET /v1/models is its list and GET /v1/models/{id} its page of a model: only the verbs are KServe's. */
function firstProtocol({ isBesideOpenai }: SurfaceOptions): readonly SurfaceRoute[] {
  const verbs = [
    post('/v1/models/:model::predict', (request, desk) => predictions(request, desk)),
    post('/v1/models/:model::explain', (request, desk) =>
      pass(request, desk, (name) => `/v1/models/${name}:explain`),
    ),
  ];
  if (isBesideOpenai) return verbs;
  return [get('/v1/models', listModels), get('/v1/models/:model', isReady), ...verbs];
}

function secondProtocol(): readonly SurfaceRoute[] {
  const models = ['/v2/models/:model', '/v2/models/:model/versions/:version'];
  return [
    get('/v2', async () => jsonReply(200, { name: 'pilotlight', version: '', extensions: [] })),
    get('/v2/health/live', async () => jsonReply(200, { live: true })),
    get('/v2/health/ready', async () => jsonReply(200, { ready: true })),
    get('/v2/models', listModels),
    ...models.flatMap((path) => [
      get(path, (request, desk) => pass(request, desk, pathOf(request, ''))),
      get(`${path}/ready`, isReady),
      ...['/infer', '/generate', '/generate_stream'].map((verb) =>
        post(path + verb, (request, desk) => pass(request, desk, pathOf(request, verb))),
      ),
    ]),
  ];
}

function modelOf({ params }: SurfaceRequest, desk: Desk): DeskModel {
  return desk.model(params.model ?? '');
}

async function listModels(_request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  return jsonReply(200, { models: desk.models().map(({ name }) => name) });
}

/** Ready is what can be asked: a model that is cold is woken by being asked, and need not be waited for. */
async function isReady(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const model = modelOf(request, desk);
  const ready = !['failed', 'paused'].includes(model.wakeInfo().state);
  return jsonReply(ready ? 200 : 503, { name: model.name, ready });
}

/** `{instances}` to any model: as bytes where its backend speaks the protocol, else by its contract. */
async function predictions(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const model = modelOf(request, desk);
  if (model.contract.name === 'kserve') return pass(request, desk, (name) => `/v1/models/${name}:predict`);
  const fields = readJsonObject(request.body);
  const { predictions: list, status, error } = await predict(request, desk, { model, fields });
  if (error === null) return jsonReply(200, { predictions: list });
  return jsonReply(status < 400 ? 500 : status, { error });
}

/** To a backend that speaks the protocol itself, under the name by which it knows the model. */
async function pass(
  request: SurfaceRequest,
  desk: Desk,
  pathFor: (name: string) => string,
): Promise<SurfaceReply> {
  const model = modelOf(request, desk);
  const { name, contract, contractModel } = model;
  const path = pathFor(encodeURIComponent(contractModel.name));
  if (contract.name !== 'kserve') {
    const message = `${request.path} is not served of model ${JSON.stringify(name)}: its contract is ${contract.name}, not kserve`;
    throw new PilotlightError('not_emulated', message);
  }
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([field]) => onward.test(field)));
  return replyOf(
    await askAsItCame(request, desk, { model: name, path, patienceMs: null, headers, ...streamOf(path) }),
  );
}

function streamOf(path: string): { readonly isStream?: boolean } {
  return path.endsWith('/generate_stream') ? { isStream: true } : {};
}

function pathOf({ params }: SurfaceRequest, verb: string): (name: string) => string {
  const { version } = params;
  const middle = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
  return (name) => `/v2/models/${name}${middle}${verb}`;
}
