import { randomUUID } from 'node:crypto';
import type { Invocation } from '../../core/contract.ts';
import type { DeskModel, JobLimitsOrder, JobOrder } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { SurfaceOptions, SurfaceRequest } from '../../core/surface.ts';
import { orderOf as plainOrderOf } from '../job-order.ts';
import { Fields, isJsonObject, readJsonObject } from '../surface-json.ts';

const second = 1_000;
const hour = 3_600 * second;
/** RunPod's own bounds and defaults (https://docs.runpod.io/serverless/endpoints/send-requests). */
const platform = {
  runMs: 600 * second,
  endInMs: 24 * hour,
  keepMs: { async: 1_800 * second, sync: 60 * second },
} as const;

/** How a job came: `run` or `runsync`. */
export type Way = 'async' | 'sync';

/** The order for a job. Throws invalid_body, bad_request, not_emulated. */
export function orderOf(
  request: SurfaceRequest,
  model: DeskModel,
  { way, limits }: { readonly way: Way } & SurfaceOptions,
): JobOrder {
  const body = readJsonObject(request.body);
  const fields = new Fields(body);
  if (body.input === undefined || body.input === null) {
    throw new PilotlightError('bad_request', 'input is required', { param: 'input' });
  }
  if (body.s3Config !== undefined) {
    const message = 's3Config is not served: outputs are kept by this gateway, not written to S3';
    throw new PilotlightError('not_emulated', message, { param: 's3Config' });
  }
  const policy = new Fields(fields.object('policy') ?? {}, 'policy.');
  const id = `${way === 'sync' ? 'sync-' : ''}${randomUUID()}-u1`;
  const invocation = invocationOf(body.input, model, id);
  const isLow = policy.boolean('lowPriority') === true;
  return {
    ...plainOrderOf({ surface: 'runpod', model, invocation, request }),
    priority: isLow ? 'low' : 'normal',
    limits: limitsOf(policy, { way, limits, isLow }),
    webhook: webhookOf(fields),
  };
}

function limitsOf(
  policy: Fields,
  { way, limits, isLow }: { readonly way: Way; readonly isLow: boolean } & Pick<SurfaceOptions, 'limits'>,
): Partial<JobLimitsOrder> {
  const defaults = limits === 'original' ? platform : null;
  const runMs = policy.number('executionTimeout', { min: 5 * second, max: 168 * hour }) ?? defaults?.runMs;
  const endInMs = policy.number('ttl', { min: 10 * second, max: 168 * hour }) ?? defaults?.endInMs;
  const forceInMs =
    isLow && endInMs !== undefined ? Math.max(0, endInMs - (runMs ?? platform.runMs)) : undefined;
  return {
    ...(runMs === undefined ? {} : { runMs }),
    ...(endInMs === undefined ? {} : { endInMs }),
    ...(forceInMs === undefined ? {} : { forceInMs }),
    ...(defaults === null ? {} : { keepMs: defaults.keepMs[way] }),
  };
}

function webhookOf(fields: Fields): JobOrder['webhook'] {
  const url = fields.text('webhook') ?? fields.text('webhookV2');
  return url === null || url === '' ? null : { url, events: ['completed'] };
}

/**
 * How the backend is asked. For backends of OpenAI's API the inputs of RunPod's own vLLM worker are understood: `openai_route`
 * with `openai_input`, and `prompt` or `messages` with `sampling_params`.
 */
function invocationOf(input: JsonValue, model: DeskModel, id: string): Invocation {
  const common = { method: 'POST', contentType: 'application/json', headers: {}, id };
  if (model.contract.name !== 'openai' || !isJsonObject(input)) {
    return { ...common, path: null, content: { input }, isStream: false };
  }
  const { openai_route: route, openai_input: written, sampling_params: sampling, ...rest } = input;
  if (typeof route === 'string' && isJsonObject(written)) {
    return { ...common, path: route, content: { input: written }, isStream: written.stream === true };
  }
  const whole: JsonObject = { ...rest, ...(isJsonObject(sampling) ? sampling : {}) };
  return { ...common, path: null, content: { input: whole }, isStream: whole.stream === true };
}

/** Milliseconds of `?wait=`, which runsync and status-sync wait; without it RunPod's 90 s. Throws bad_request. */
export function waitOf(query: URLSearchParams): number {
  const text = query.get('wait');
  if (text === null) return 90 * second;
  const waitMs = Number(text);
  if (Number.isInteger(waitMs) && waitMs >= 1_000 && waitMs <= 300_000) return waitMs;
  throw new PilotlightError('bad_request', 'wait must be from 1000 to 300000 (ms)', { param: 'wait' });
}
