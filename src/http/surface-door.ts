import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KeySettings, ServerSettings } from '../config/settings.ts';
import { Bag } from '../core/bag.ts';
import type { Desk } from '../core/desk.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Caller } from '../core/surface.ts';
import type { ReplyContext } from '../forward/reply.ts';
import type { AccessFacts } from '../meter/log.ts';
import type { Pipeline } from '../pipeline.ts';
import type { KeyRing } from './auth.ts';
import { fieldsOf } from './door.ts';
import { checkHead, requestIdOf } from './head.ts';
import { surfaceKey } from './surface-key.ts';
import type { SurfaceFind } from './surface-table.ts';
import { SurfaceVisit } from './surface-visit.ts';

/** What surfaces are served with. `keyRing` is asked for each request, so that a reload is seen. */
export interface SurfaceDoorOptions {
  readonly server: ServerSettings;
  readonly pipeline: Pipeline;
  readonly keyRing: () => KeyRing;
  readonly desk: Desk;
}

const classOf = { high: 0, normal: 1, low: 2 } as const;

/** Where requests to surfaces come in, whichever listener they came by. */
export class SurfaceDoor {
  readonly #options: SurfaceDoorOptions;
  readonly #visits = new Bag<SurfaceVisit>();
  #onEmpty: (() => void) | null = null;

  constructor(options: SurfaceDoorOptions) {
    this.#options = options;
  }

  /** Requests on their way. */
  get size(): number {
    return this.#visits.size;
  }

  /** Serves a request, or refuses it in the surface's dialect. */
  take(request: FastifyRequest, reply: FastifyReply, found: SurfaceFind): void {
    reply.hijack();
    const { pipeline, desk } = this.#options;
    const dialect = found.kind === 'path' ? found.served.surface.dialect : found.entry.dialect;
    const { raw: req } = request;
    const context: ReplyContext = {
      ...{ req, res: reply.raw, dialect, requestId: requestIdOf(req), extraHeaders: fieldsOf(reply) },
    };
    try {
      const key = this.#admit(request, found);
      if (found.kind !== 'route') throw refusalOf(request, found);
      if (pipeline.refusal !== null) throw pipeline.refusal;
      const { entry, params } = found;
      const highestClass: Caller['highestClass'] = key === null ? 0 : classOf[key.priority];
      const onEnd = (ended: SurfaceVisit, facts: AccessFacts) => this.#leave(ended, facts);
      const visit = new SurfaceVisit({ context, entry, params, key, highestClass, desk, pipeline, onEnd });
      this.#visits.add(visit);
      void visit.run();
    } catch (error) {
      pipeline.refuse(context, error);
    }
  }

  /** The key of a request that may be answered; throws what refuses it. */
  #admit({ raw }: FastifyRequest, found: SurfaceFind): KeySettings | null {
    const { server, keyRing } = this.#options;
    checkHead(raw, server.limits.headerCount);
    if (found.kind === 'route' && found.entry.route.isOpen === true) return null;
    return keyRing().authenticate(raw, surfaceKey);
  }

  #leave(visit: SurfaceVisit, facts: AccessFacts): void {
    if (!this.#visits.delete(visit)) return;
    this.#options.pipeline.options.onAccess(facts);
    if (this.#visits.size === 0) this.#onEmpty?.();
  }

  /** Waits for what is there, at most `drainMs` (0 = as long as it takes); what is left then is ended. Returns how many. */
  async drain(drainMs: number): Promise<number> {
    if (this.#visits.size === 0) return 0;
    const { clock } = this.#options.pipeline.options;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      if (drainMs > 0) clock.setTimer(clock.nowMs() + drainMs, resolve);
    });
    const left = this.#visits.list();
    const message = `the gateway is shutting down: ${drainMs} ms of drain have passed`;
    for (const visit of left) visit.cut(new PilotlightError('draining', message));
    return left.length;
  }
}

function refusalOf(
  { method, url }: FastifyRequest,
  found: Exclude<SurfaceFind, { kind: 'route' }>,
): PilotlightError {
  const path = url.split('?', 1)[0]!;
  if (found.kind === 'path') return new PilotlightError('route_not_found', `no route ${method} ${path}`);
  const allow = found.methods.join(', ');
  const message = `${method} is not allowed on ${path}: use ${allow}`;
  return new PilotlightError('method_not_allowed', message, { headers: ['allow', allow] });
}
