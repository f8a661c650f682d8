import { type CompletionShape, chatShape, textShape } from './completion-shape.ts';
import { DemoError, isObject, type JsonObject } from './requests.ts';

/** A request to one of the containers that hosted platforms run, as a completion. */
export interface ContainerCall {
  readonly shape: CompletionShape;
  readonly body: JsonObject;
}

/** Answered at once by containers that are ready. */
const facts: Readonly<Record<string, object>> = {
  'GET /ping': { status: 'ok' },
  'GET /': { title: "Pilotlight's demo backend" },
  'GET /v2/health/ready': { ready: true },
};

/** What a container of SageMaker, RunPod or KServe tells of its state; null: not such a route. */
export function containerFact(route: string): object | null {
  return facts[route] ?? null;
}

/** Cog's /health-check, which is 200 while it loads as well; null: not that route. */
export function cogHealth(route: string, isLoaded: boolean): object | null {
  return route === 'GET /health-check' ? { status: isLoaded ? 'READY' : 'STARTING' } : null;
}

/** Whether containers of SageMaker, Cog, RunPod, Vertex AI or KServe take calls there. */
export function isContainerRoute(route: string): boolean {
  return /^POST \/(invocations|predictions|runsync|predict|v1\/models\/[^/]+:predict)$/.test(route);
}

/**
 * A request to one of these routes as such a container takes it; `accept` is the field of that name. The input is that of a chat
 * (`messages`) or a completion (`prompt`). Throws DemoError.
 */
export function containerCall(route: string, body: JsonObject, accept = ''): ContainerCall {
  switch (route) {
    case 'POST /invocations':
      return { shape: shapeOf(body), body };
    case 'POST /predictions':
      if (accept.includes('text/event-stream'))
        throw new DemoError(406, 'the demo backend does not stream predictions');
      return wholeCall(inputOf(body), (text) => ({
        id: body.id,
        status: 'succeeded',
        output: text,
        logs: '',
      }));
    case 'POST /runsync':
      return wholeCall(inputOf(body), (text) => ({ id: body.id, status: 'COMPLETED', output: text }));
    default:
      return predictCall(body);
  }
}

/** The first instance says what is written, and each gets the same words. */
function predictCall({ instances, parameters }: JsonObject): ContainerCall {
  if (!Array.isArray(instances) || !isObject(instances[0]))
    throw new DemoError(400, 'instances must be a list of objects');
  const input = { ...(isObject(parameters) ? parameters : {}), ...instances[0] };
  return wholeCall(input, (text) => ({ predictions: instances.map(() => text) }));
}

function inputOf({ input }: JsonObject): JsonObject {
  if (!isObject(input)) throw new DemoError(422, 'input must be an object');
  return input;
}

function wholeCall(input: JsonObject, whole: (text: string) => object): ContainerCall {
  const shape = { ...shapeOf(input), whole: (_head: unknown, text: string) => whole(text) };
  return { shape, body: { ...input, stream: false } };
}

function shapeOf(input: JsonObject): CompletionShape {
  return 'messages' in input ? chatShape : textShape;
}
