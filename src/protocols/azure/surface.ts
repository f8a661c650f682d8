import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type {
  Surface,
  SurfaceOptions,
  SurfaceReply,
  SurfaceRequest,
  SurfaceRoute,
} from '../../core/surface.ts';
import { askAsItCame, pickFields, replyOf } from '../pass-on.ts';
import { azureDialect, reasonField } from './dialect.ts';

const deploymentField = 'azureml-model-deployment';

/** The longest `request_timeout_ms` (https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online). */
const longestMs = 180_000;

/** Fields that a scoring script gets to see. */
const onward = ['accept', 'traceparent', 'x-ms-client-request-id', 'x-ms-request-id'];

/**
 * Azure Machine Learning's online endpoints: POST /score. The endpoint is a model: the one that the path, the deployment's field or
 * the host names, or the only one there is.
 */
export const azure: Surface = {
  name: 'azure',
  dialect: azureDialect,
  hasJobs: false,
  routes: (options) => [scoreAt('/score', options), scoreAt('/:endpoint/score', options)],
};

function scoreAt(path: string, options: SurfaceOptions): SurfaceRoute {
  return {
    methods: ['POST'],
    path,
    maxBodyBytes: null,
    handle: (request, desk) => score(request, desk, options),
  };
}

async function score(request: SurfaceRequest, desk: Desk, options: SurfaceOptions): Promise<SurfaceReply> {
  const model = deploymentOf(request, desk);
  const isOriginal = options.limits === 'original';
  if (isOriginal) throttle(model);
  const answer = await askAsItCame(request, desk, {
    model: model.name,
    path: null,
    headers: pickFields(request.headers, onward),
    patienceMs: null,
    ...(isOriginal ? { runMs: longestMs } : {}),
  });
  const reply = replyOf(answer);
  const headers = { ...reply.headers, [deploymentField]: model.name };
  if (answer.status === 200) return { ...reply, headers };
  const told = { [reasonField]: 'model_error', 'ms-azureml-model-error-statuscode': String(answer.status) };
  return { ...reply, status: 424, headers: { ...headers, ...told } };
}

/** Throws model_not_found: "the endpoint doesn't have any valid deployment". */
function deploymentOf({ params, headers }: SurfaceRequest, desk: Desk): DeskModel {
  const deployment = headers[deploymentField];
  if (params.endpoint === undefined)
    return deployment === undefined ? unnamed(headers, desk) : desk.model(deployment);
  const model = desk.model(params.endpoint);
  if (deployment === undefined || desk.model(deployment).name === model.name) return model;
  throw new PilotlightError(
    'model_not_found',
    `endpoint ${JSON.stringify(model.name)} has no deployment ${JSON.stringify(deployment)}, only one of its own name`,
  );
}

/** By the first label of the host, as in `llama.westeurope.inference.ml.azure.com`, or because there is no other. */
function unnamed(headers: SurfaceRequest['headers'], desk: Desk): DeskModel {
  const label = headers.host?.split('.', 1)[0]?.toLowerCase();
  const models = desk.models();
  const named = models.find(({ name, aliases }) =>
    [name, ...aliases].some((one) => one.toLowerCase() === label),
  );
  const found = named ?? (models.length === 1 ? models[0] : undefined);
  if (found !== undefined) return found;
  throw new PilotlightError(
    'model_not_found',
    `no deployment is named: say it in ${deploymentField}, in the path (/MODEL/score) or as the first label of the host`,
  );
}

/** As many at once as run and as many again may wait: "2 * max_concurrent_requests_per_instance * instance_count". */
function throttle(model: DeskModel): void {
  const { maxConcurrency, inFlight, waiting } = model;
  if (maxConcurrency === null || inFlight + waiting < 2 * maxConcurrency) return;
  throw new PilotlightError(
    'queue_full',
    `deployment ${JSON.stringify(model.name)} has ${inFlight + waiting} of ${2 * maxConcurrency} requests pending`,
  );
}
