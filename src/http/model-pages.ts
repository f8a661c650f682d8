import type { IncomingMessage } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { KeySettings, ModelSettings, ServerSettings } from '../config/settings.ts';
import type { Dialect } from '../core/protocol.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import type { ReplyContext } from '../forward/reply.ts';
import { untimed } from '../forward/timings.ts';
import type { Pipeline } from '../pipeline.ts';
import { renderModel, renderModelList, renderWake } from '../protocols/model-list.ts';
import { modelNotFound } from '../protocols/model-name.ts';
import type { KeyRing } from './auth.ts';
import { fieldsOf, headOf } from './door.ts';
import { checkHead, requestIdOf } from './head.ts';
import { listing } from './served-paths.ts';

/** What the pages are made from. `keyRing` and `models` are asked for each request, so that a reload is seen. */
export interface ModelPagesOptions {
  readonly server: ServerSettings;
  readonly dialect: Dialect;
  readonly pipeline: Pipeline;
  readonly keyRing: () => KeyRing;
  readonly models: () => ReadonlyMap<string, ModelSettings>;
  /** Epoch seconds told as `created` of every model. */
  readonly createdS: number;
}

const root = listing.paths[0];
const wakePath = /^\/v1\/models\/(.+)\/wake$/;

/** Whether a request asks ahead for a model: POST /v1/models/{id}/wake, where the id may have slashes. */
export function asksToWake(req: IncomingMessage): boolean {
  const { method, path } = headOf(req);
  return method === 'POST' && wakePath.test(path);
}

/** Answers what is under /v1/models by itself: no backend is asked, and no slot is taken. */
export class ModelPages {
  readonly #options: ModelPagesOptions;

  constructor(options: ModelPagesOptions) {
    this.#options = options;
  }

  /** GET /v1/models, /v1/models/{id}: from the configuration; listing wakes nothing. */
  list(req: IncomingMessage, reply: FastifyReply): void {
    const context = this.#contextOf(req, reply);
    try {
      this.#admit(req);
      const id = decodeURIComponent(headOf(req).path.slice(root.length));
      sendJson(context, 200, this.#listBody(id.replace(/^\//, '')));
    } catch (error) {
      this.#options.pipeline.refuse(context, error);
    }
  }

  /** POST /v1/models/{id}/wake: 202 while the model starts, 200 when it is ready, or the refusal of a request. */
  wake(req: IncomingMessage, reply: FastifyReply): void {
    const { pipeline } = this.#options;
    const context = this.#contextOf(req, reply);
    try {
      const key = this.#admit(req);
      const [, id = ''] = wakePath.exec(headOf(req).path)!;
      const entry = pipeline.find(decodeURIComponent(id));
      const refusal = entry.wake();
      if (refusal !== null) throw refusal;
      const { name: model } = entry.settings;
      const info = entry.wakeInfo();
      sendJson(context, info.state === 'ready' ? 200 : 202, renderWake(model, info));
      pipeline.answered(context, { model, key });
    } catch (error) {
      pipeline.refuse(context, error);
    }
  }

  #contextOf(req: IncomingMessage, reply: FastifyReply): ReplyContext {
    reply.hijack();
    const { dialect } = this.#options;
    return { req, res: reply.raw, dialect, requestId: requestIdOf(req), extraHeaders: fieldsOf(reply) };
  }

  /** The key of a request that may be answered; throws what refuses it. */
  #admit(req: IncomingMessage): KeySettings | null {
    const { keyRing, server } = this.#options;
    checkHead(req, server.limits.headerCount);
    return keyRing().authenticate(req);
  }

  #listBody(id: string): string {
    const { createdS } = this.#options;
    const info = (name: string) => ({ id: name, createdS, ownedBy: 'pilotlight' });
    const ids = [...this.#options.models().values()].flatMap(({ name, aliases }) => [name, ...aliases]);
    if (id === '') return renderModelList(ids.map(info));
    if (ids.includes(id)) return renderModel(info(id));
    throw modelNotFound(id, ids);
  }
}

function sendJson({ res, requestId, extraHeaders }: ReplyContext, status: number, body: string): void {
  const fields: FlatHeaders = [
    ...['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))],
    ...['x-request-id', requestId],
    ...untimed,
    ...extraHeaders,
  ];
  res.writeHead(status, fields);
  res.end(body);
}
