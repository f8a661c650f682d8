import type { Desk, DeskAnswer, DeskModel } from '../../core/desk.ts';
import { toPilotlightError } from '../../core/errors.ts';
import type { SurfaceOptions, SurfaceReply, SurfaceRequest, SurfaceRoute } from '../../core/surface.ts';
import { askAsItCame, pickFields } from '../pass-on.ts';
import { renderModelError, streamFailure } from './dialect.ts';
import { endpointOf, onward, serverless, throttle, variant } from './endpoint.ts';
import { payloadPart } from './event-frame.ts';

/** So much of a container's error stands in a ModelError. */
const maxOriginalBytes = 64 * 1024;

/** InvokeEndpoint and InvokeEndpointWithResponseStream. */
export function invokeRoutes(options: SurfaceOptions): readonly SurfaceRoute[] {
  const maxBodyBytes = options.limits === 'original' ? serverless.maxBodyBytes : null;
  const common = { methods: ['POST'], maxBodyBytes };
  return [
    {
      ...common,
      path: '/endpoints/:endpoint/invocations',
      async handle(request, desk) {
        const { answer, model } = await ask(request, desk, { ...options, isStream: false });
        return isError(answer) ? modelError(answer, model) : whole(answer);
      },
    },
    {
      ...common,
      path: '/endpoints/:endpoint/invocations-response-stream',
      async handle(request, desk) {
        const { answer, model } = await ask(withAccept(request), desk, { ...options, isStream: true });
        return isError(answer) ? modelError(answer, model) : streamed(answer);
      },
    },
  ];
}

/** Two of the three operations say what they accept in a field of SageMaker's. */
export function withAccept(request: SurfaceRequest): SurfaceRequest {
  const { accept: _transport, 'x-amzn-sagemaker-accept': accept, ...headers } = request.headers;
  return { ...request, headers: accept === undefined ? headers : { ...headers, accept } };
}

async function ask(
  request: SurfaceRequest,
  desk: Desk,
  { isStream, ...options }: SurfaceOptions & { readonly isStream: boolean },
): Promise<{ readonly answer: DeskAnswer; readonly model: DeskModel }> {
  const model = endpointOf(request, desk);
  throttle(options, model);
  const answer = await askAsItCame(request, desk, {
    model: model.name,
    path: null,
    headers: pickFields(request.headers, onward),
    patienceMs: null,
    isStream,
    ...(options.limits === 'original' ? { runMs: serverless.runMs } : {}),
  });
  return { answer, model };
}

function isError({ status }: DeskAnswer): boolean {
  return status < 200 || status > 299;
}

function whole(answer: DeskAnswer): SurfaceReply {
  return {
    status: 200,
    headers: { ...fieldsOf(answer), 'content-type': answer.contentType },
    body: answer.body,
  };
}

/** The stream's own type is the framing's; the type of what is framed stands in a field of SageMaker's. */
function streamed(answer: DeskAnswer): SurfaceReply {
  return {
    status: 200,
    headers: {
      ...fieldsOf(answer),
      'content-type': 'application/vnd.amazon.eventstream',
      'x-amzn-sagemaker-content-type': answer.contentType,
    },
    body: framed(answer.body),
  };
}

async function* framed(body: DeskAnswer['body']): AsyncIterable<Buffer> {
  try {
    for await (const chunk of body) yield payloadPart(chunk);
  } catch (error) {
    // In this encoding the exception is the end: to throw on would only cut it off.
    yield streamFailure(toPilotlightError(error));
  }
}

function fieldsOf({ headers }: DeskAnswer): Record<string, string> {
  const passed = pickFields(headers, ['x-amzn-sagemaker-custom-attributes', 'content-encoding']);
  return { ...passed, 'x-amzn-invoked-production-variant': variant };
}

/** 424 with what the container said (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html). */
async function modelError({ status, body }: DeskAnswer, model: DeskModel): Promise<SurfaceReply> {
  const original = (await beginning(body, maxOriginalBytes)).toString('utf8');
  const kind = status >= 500 ? 'server' : 'client';
  const message = `Received ${kind} error (${status}) from model ${JSON.stringify(model.name)} with message ${JSON.stringify(original)}`;
  return {
    status: 424,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': 'ModelError' },
    body: renderModelError({ status, message, original }),
  };
}

async function beginning(source: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}
