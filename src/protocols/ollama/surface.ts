import type { Desk, DeskAnswer, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { Surface, SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { readWhole } from '../read-whole.ts';
import { Fields, isJsonObject, jsonReply, readJsonObject } from '../surface-json.ts';
import { route } from '../surface-route.ts';
import { ollamaDialect } from './dialect.ts';
import { renderRunning, renderShown, renderTags } from './model-pages.ts';
import { chatRequest, generateRequest, type OpenaiRequest } from './openai-request.ts';
import { type ReplyForm, replyLines, wholeReply } from './reply-lines.ts';

/** The release of Ollama whose API this is: clients look whether it is new enough. */
const version = '0.12.6';

/**
 * Ollama's API (https://docs.ollama.com/api) before models whose backends speak OpenAI's: chat, generate, embed, and the pages
 * that tell of the models.
 */
export const ollama: Surface = {
  name: 'ollama',
  dialect: ollamaDialect,
  hasJobs: false,
  routes: () => [
    route('POST', '/api/chat', (request, desk) => reply(request, desk, 'chat')),
    route('POST', '/api/generate', (request, desk) => reply(request, desk, 'generate')),
    route('POST', '/api/embed', embed),
    route('POST', '/api/embeddings', embedOne),
    route('GET', '/api/tags', async (_request, desk) =>
      jsonReply(200, renderTags(desk.models(), desk.wallMs())),
    ),
    route('GET', '/api/ps', async (_request, desk) =>
      jsonReply(200, renderRunning(desk.models(), desk.wallMs())),
    ),
    route('POST', '/api/show', async (request, desk) => {
      modelOf(desk, nameIn(readJsonObject(request.body)));
      return jsonReply(200, renderShown(desk.wallMs()));
    }),
    route('POST', '/api/pull', pull),
    route('GET', '/api/version', async () => jsonReply(200, { version })),
    { ...route('GET', '/', async () => text('Ollama is running')), methods: ['GET', 'HEAD'] },
    ...['/api/create', '/api/push', '/api/copy', '/api/delete', '/api/blobs/*'].map((path) => ({
      ...route('POST', path, refuse),
      methods: ['POST', 'DELETE', 'HEAD'],
    })),
  ],
};

async function refuse({ path }: SurfaceRequest): Promise<SurfaceReply> {
  throw new PilotlightError('not_emulated', `${path} is not served: models are those of the configuration`);
}

/** `NAME:latest` is the model NAME where no model has the whole name. Throws model_not_found. */
function modelOf(desk: Desk, name: string): DeskModel {
  const isWhole = desk.models().some((model) => model.name === name || model.aliases.includes(name));
  return desk.model(isWhole ? name : name.replace(/:latest$/, ''));
}

function nameIn(body: JsonObject): string {
  const fields = new Fields(body);
  return fields.text('model') ?? fields.requiredText('name');
}

/** A model that is there needs no pulling; clients that pull before they ask go on. */
async function pull(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const body = readJsonObject(request.body);
  modelOf(desk, nameIn(body));
  return body.stream === false ? jsonReply(200, { status: 'success' }) : lines('{"status":"success"}\n');
}

async function reply(request: SurfaceRequest, desk: Desk, form: ReplyForm): Promise<SurfaceReply> {
  const body = readJsonObject(request.body);
  const name = nameIn(body);
  const model = modelOf(desk, name);
  if (isLoadAlone(body, form)) return load(body, desk, { name, model, form });
  const asked = form === 'chat' ? chatRequest(body) : generateRequest(body);
  const isStream = body.stream !== false;
  const beganAtMs = desk.wallMs();
  const answer = await ask(request, desk, { model, asked, isStream });
  const parts = { form, model: name, wallMs: () => desk.wallMs(), beganAtMs };
  if (isStream) return lines(replyLines(answer, parts));
  return jsonReply(200, wholeReply(await jsonOf(answer), answer, parts));
}

/** Without anything to answer it is Ollama's way to load a model, or with keep_alive 0 to unload it. */
function isLoadAlone({ messages, prompt, images }: JsonObject, form: ReplyForm): boolean {
  if (form === 'chat') return messages === undefined || (Array.isArray(messages) && messages.length === 0);
  return (prompt === undefined || prompt === '') && images === undefined;
}

async function load(
  { keep_alive: keepAlive, stream }: JsonObject,
  desk: Desk,
  { name, model, form }: { readonly name: string; readonly model: DeskModel; readonly form: ReplyForm },
): Promise<SurfaceReply> {
  if (keepAlive === 0 || keepAlive === '0') {
    throw new PilotlightError(
      'not_emulated',
      'keep_alive 0 does not end a model here: it ends when it is idle',
      {
        param: 'keep_alive',
      },
    );
  }
  const refusal = model.wake();
  if (refusal !== null) throw refusal;
  const said = form === 'chat' ? { message: { role: 'assistant', content: '' } } : { response: '' };
  const created_at = new Date(desk.wallMs()).toISOString();
  const value = { model: name, created_at, ...said, done: true, done_reason: 'load' };
  return stream === false ? jsonReply(200, value) : lines(`${JSON.stringify(value)}\n`);
}

async function ask(
  { caller }: SurfaceRequest,
  desk: Desk,
  {
    model,
    asked,
    isStream,
  }: { readonly model: DeskModel; readonly asked: OpenaiRequest | Embedding; readonly isStream: boolean },
): Promise<DeskAnswer> {
  if (model.contract.name !== 'openai') {
    const message = `model ${JSON.stringify(model.name)} is asked by the contract ${model.contract.name}: Ollama's API needs a backend that speaks OpenAI's`;
    throw new PilotlightError('not_emulated', message, { param: 'model' });
  }
  const streamed = isStream ? { stream: true, stream_options: { include_usage: true } } : {};
  const answer = await desk.ask({
    model: model.name,
    invocation: {
      path: asked.path,
      method: 'POST',
      contentType: 'application/json',
      headers: {},
      content: { input: { model: model.name, ...asked.body, ...streamed } },
      isStream,
      id: caller.requestId,
    },
    caller,
    patienceMs: null,
    priority: 1,
  });
  if (answer.status < 400) return answer;
  const body = await readWhole(answer.body);
  const { error } = model.contract.outcome({ status: answer.status, contentType: answer.contentType, body });
  throw new PilotlightError('backend_error', error ?? `the backend answered ${answer.status}`);
}

interface Embedding {
  readonly path: '/v1/embeddings';
  readonly body: JsonObject;
}

async function embeddings(
  request: SurfaceRequest,
  desk: Desk,
  input: JsonValue,
): Promise<{ vectors: JsonValue[]; answer: DeskAnswer; usage: JsonObject; name: string }> {
  const body = readJsonObject(request.body);
  const name = nameIn(body);
  const dimensions = new Fields(body).number('dimensions', { min: 1, max: 1_000_000 });
  const asked: Embedding = {
    path: '/v1/embeddings',
    body: { input, ...(dimensions === null ? {} : { dimensions }) },
  };
  const answer = await ask(request, desk, { model: modelOf(desk, name), asked, isStream: false });
  const value = await jsonOf(answer);
  const data = isJsonObject(value) && Array.isArray(value.data) ? (value.data as readonly JsonValue[]) : [];
  const vectors = data.flatMap((one) =>
    isJsonObject(one) && one.embedding !== undefined ? [one.embedding] : [],
  );
  return {
    vectors,
    answer,
    name,
    usage: isJsonObject(value) && isJsonObject(value.usage) ? value.usage : {},
  };
}

async function embed(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const beganAtMs = desk.wallMs();
  const { input } = readJsonObject(request.body);
  if (typeof input !== 'string' && !Array.isArray(input)) {
    throw new PilotlightError('bad_request', 'input must be text or a list of texts', { param: 'input' });
  }
  const { vectors, answer, usage, name } = await embeddings(request, desk, input);
  return jsonReply(200, {
    model: name,
    embeddings: vectors,
    total_duration: Math.round((desk.wallMs() - beganAtMs) * 1_000_000),
    load_duration: Math.round(answer.coldMs * 1_000_000),
    prompt_eval_count: usage.prompt_tokens ?? 0,
  });
}

/** The older route: one prompt, one vector. */
async function embedOne(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const prompt = new Fields(readJsonObject(request.body)).requiredText('prompt');
  const { vectors } = await embeddings(request, desk, prompt);
  return jsonReply(200, { embedding: vectors[0] ?? [] });
}

async function jsonOf(answer: DeskAnswer): Promise<JsonValue> {
  const body = await readWhole(answer.body);
  try {
    return JSON.parse(body.toString('utf8')) as JsonValue;
  } catch (cause) {
    throw new PilotlightError(
      'backend_bad_response',
      'the backend answered with something that is not JSON',
      { cause },
    );
  }
}

function lines(body: SurfaceReply['body']): SurfaceReply {
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body };
}

function text(body: string): SurfaceReply {
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}
