import type { ServerResponse } from 'node:http';
import type { KeySettings } from '../config/settings.ts';
import type { BagItem } from '../core/bag.ts';
import type { Desk } from '../core/desk.ts';
import { type PilotlightError, toPilotlightError } from '../core/errors.ts';
import type { Caller, SurfaceReply } from '../core/surface.ts';
import { cutAnswer, type ReplyContext, sendError } from '../forward/reply.ts';
import { pushTimings } from '../forward/timings.ts';
import type { AccessFacts } from '../meter/log.ts';
import type { Pipeline } from '../pipeline.ts';
import { checkLength, SurfaceBody, uploadOf } from './surface-body.ts';
import { writeReply } from './surface-reply.ts';
import { surfaceRequest } from './surface-request.ts';
import type { SurfaceEntry } from './surface-table.ts';
import { WatchedDesk } from './watched-desk.ts';

/** A request to a surface that was let in. */
export interface VisitOptions {
  readonly context: ReplyContext;
  readonly entry: SurfaceEntry;
  /** As they are written in the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly key: KeySettings | null;
  readonly highestClass: Caller['highestClass'];
  readonly desk: Desk;
  readonly pipeline: Pipeline;
  /** Told once, at its end. */
  onEnd(visit: SurfaceVisit, facts: AccessFacts): void;
}

/** One request to a surface, from its body to the end of its answer. */
export class SurfaceVisit implements BagItem {
  slot = -1;
  readonly #options: VisitOptions;
  readonly #desk: WatchedDesk;
  readonly #body: SurfaceBody;
  readonly #abort = new AbortController();
  readonly #beganAtMs: number;
  #bytes = 0;
  /** Its answer has begun and an event may stand behind it. */
  #isEventEnd = false;
  #isOver = false;

  constructor(options: VisitOptions) {
    const { pipeline, desk, context, entry } = options;
    const { clock, held } = pipeline.options;
    this.#options = options;
    this.#desk = new WatchedDesk(desk, clock);
    this.#body = new SurfaceBody(held, this.#maxBodyBytes(entry));
    this.#beganAtMs = clock.nowMs();
    context.res.on('close', (refusal?: PilotlightError) => this.#onClose(refusal));
  }

  #maxBodyBytes({ route }: SurfaceEntry): number {
    return route.maxBodyBytes ?? this.#options.pipeline.options.maxBodyBytes();
  }

  /** Serves it; every outcome is written to its answer. Never rejects. */
  async run(): Promise<void> {
    const { context, pipeline } = this.#options;
    try {
      const reply = await this.#handle();
      const onBytes = (bytes: number, isEventEnd: boolean) => {
        this.#bytes += bytes;
        this.#isEventEnd = isEventEnd;
      };
      await writeReply(context, reply, {
        added: this.#timings(),
        progress: { onBytes },
        signal: this.#abort.signal,
      });
      await this.#handedOver(context.res);
      this.#over('answered');
    } catch (thrown) {
      if (this.#isOver) return;
      const error = toPilotlightError(thrown);
      pipeline.tellFault(error);
      // Of an answer whose head is out the rest was cut already.
      sendError(context, error, this.#timings());
      this.#over(error.code);
    }
  }

  /** Ends it with an error, whatever step it is in. */
  cut(error: PilotlightError): void {
    if (this.#isOver) return;
    const { context } = this.#options;
    this.#over(error.code);
    this.#abort.abort(error);
    if (context.res.headersSent) cutAnswer(context, error, this.#isEventEnd ? 'sse' : 'no');
    else sendError(context, error, this.#timings());
  }

  async #handle(): Promise<SurfaceReply> {
    const { context, entry, params, key, highestClass, pipeline } = this.#options;
    const { req, res, requestId } = context;
    const { signal } = this.#abort;
    const { route, served } = entry;
    const maxBytes = this.#maxBodyBytes(entry);
    checkLength(req, maxBytes);
    const caller: Caller = { tenant: key?.name ?? '', requestId, highestClass, signal };
    const dropCredentials = pipeline.options.dropCredentials();
    const arrival = { req, params, prefix: served.prefix, caller, dropCredentials };
    if (req.headers.expect !== undefined && req.httpVersionMinor > 0) res.writeContinue();
    if (route.upload === true)
      return await route.handle(
        surfaceRequest(arrival, Buffer.alloc(0)),
        this.#desk,
        uploadOf(req, maxBytes),
      );
    const body = await this.#body.read(req, signal);
    return await route.handle(surfaceRequest(arrival, body), this.#desk, null);
  }

  #timings(): string[] {
    const { waitMs, coldMs, backendMs } = this.#desk.use;
    const fields: string[] = [];
    const sinceMs = this.#options.pipeline.options.clock.nowMs() - this.#beganAtMs;
    pushTimings(fields, { waitMs, coldMs, backendMs, sinceMs });
    return fields;
  }

  /** Resolves when the answer is with the system, or the client has left. */
  #handedOver(res: ServerResponse): Promise<void> {
    if (res.writableFinished || res.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      res.once('finish', resolve);
      res.once('close', resolve);
    });
  }

  /** The client has left, or the listener has refused what it went on to send. */
  #onClose(refusal?: PilotlightError): void {
    if (this.#isOver || this.#options.context.res.writableFinished) return;
    this.#over(refusal?.code ?? 'gone');
    this.#abort.abort(new Error('the client has left'));
  }

  #over(outcome: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body.close();
    const { context, entry, key, pipeline } = this.#options;
    const { req, res, requestId } = context;
    const { model, waitMs, coldMs, headAtMs } = this.#desk.use;
    const { route, served } = entry;
    const ownPath = (req.url ?? '').split('?', 1)[0]!;
    this.#options.onEnd(this, {
      ...{ requestId, method: req.method ?? '', key: key?.name ?? null, model, outcome, waitMs, coldMs },
      // A path that holds a secret is not for the log.
      path: route.isOpen === true ? served.prefix + route.path : ownPath,
      status: res.statusCode,
      firstByteMs: headAtMs === null ? null : headAtMs - this.#beganAtMs,
      totalMs: pipeline.options.clock.nowMs() - this.#beganAtMs,
      bytes: this.#bytes,
      retries: 0,
      surface: served.surface.name,
    });
  }
}
