import type { Span, Tracer } from '@opentelemetry/api';
import type { Clock } from '../../core/clock.ts';
import type { FlatHeaders } from '../../forward/headers.ts';
import { fieldOf, type LaneHead } from '../../relay/traffic.ts';
import { clientAttributes, serverAttributes } from './span-attributes.ts';
import { formatTraceparent, parseTraceparent, type RemoteParent, withTraceparent } from './traceparent.ts';

/** What every trace of a process has in common. */
export interface TraceTools {
  readonly api: typeof import('@opentelemetry/api');
  readonly clock: Clock;
  /** Of Knative's own spans. */
  readonly queue: Tracer;
  /** Of the spans of HTTP. */
  readonly http: Tracer;
  readonly app: { readonly host: string; readonly port: number };
  /** Requests may have to wait. */
  readonly isLimited: boolean;
}

/** How a request ended. */
export interface TraceEnd {
  /** What the client got; 0: nothing. */
  readonly status: number;
  readonly uploadBytes: number;
  readonly answerBytes: number;
}

/**
 * The spans of one request, each a child of the one before: the server's, kn.queueproxy.proxy, kn.queueproxy.wait where it
 * may have to wait, and the client's to the app.
 */
export class RequestTrace {
  readonly #tools: TraceTools;
  readonly #head: LaneHead;
  readonly #parent: RemoteParent | null;
  /** Since the epoch, at the zero of the clock: all spans of a request are told by one clock. */
  readonly #zeroMs: number;
  readonly #server: Span;
  readonly #proxy: Span;
  #wait: Span | null = null;
  #isWaiting = false;
  #client: Span | null = null;
  #isClientOver = true;

  constructor(tools: TraceTools, head: LaneHead) {
    this.#tools = tools;
    this.#head = head;
    this.#parent = parseTraceparent(fieldOf(head.fields, 'traceparent') ?? '');
    const { api, clock, http } = tools;
    this.#zeroMs = clock.wallMs() - clock.nowMs();
    const method = head.method.toUpperCase();
    const name = /^(?:CONNECT|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT|TRACE)$/.test(method) ? method : 'HTTP';
    this.#server = http.startSpan(
      name,
      { kind: api.SpanKind.SERVER, startTime: this.#timeMs() },
      this.#parentContext(),
    );
    if (this.#server.isRecording()) this.#server.setAttributes(serverAttributes(head));
    this.#proxy = this.#queueSpan('kn.queueproxy.proxy', this.#server);
  }

  /** It asks for a slot, at once or in a while; without a limit that is no span. */
  waiting(): void {
    if (!this.#tools.isLimited) return;
    this.#wait = this.#queueSpan('kn.queueproxy.wait', this.#proxy);
    this.#isWaiting = true;
  }

  /** It has a slot, or will have none. */
  admitted(): void {
    this.#endWait();
  }

  /** It goes to the app: these fields, with the client's span as the parent of what the app does. */
  sent(fields: FlatHeaders): FlatHeaders {
    const { api, http, app } = this.#tools;
    const context = this.#under(this.#wait ?? this.#proxy);
    const span = http.startSpan(
      `HTTP ${this.#head.method}`,
      { kind: api.SpanKind.CLIENT, startTime: this.#timeMs() },
      context,
    );
    if (span.isRecording()) span.setAttributes(clientAttributes(this.#head, app));
    this.#client = span;
    this.#isClientOver = false;
    const { traceId, spanId, traceFlags } = span.spanContext();
    // Whether the trace's id is random is told on as it was told.
    const flags = traceFlags | ((this.#parent?.flags ?? 0) & 2);
    return withTraceparent(fields, formatTraceparent({ traceId, spanId, flags }), this.#parent === null);
  }

  /** The app answered with this status. */
  headed(status: number): void {
    const client = this.#client;
    if (client === null || this.#isClientOver || !client.isRecording()) return;
    client.setAttribute('http.response.status_code', status);
    if (status < 400) return;
    client.setAttribute('error.type', String(status));
    client.setStatus({ code: this.#tools.api.SpanStatusCode.ERROR });
  }

  /** The app could not be reached, or broke off. */
  broken(cause: Error): void {
    const client = this.#client;
    if (client === null || this.#isClientOver) return;
    client.setAttribute('error.type', (cause as NodeJS.ErrnoException).code ?? cause.name);
    client.setStatus({ code: this.#tools.api.SpanStatusCode.ERROR, message: cause.message });
    this.#endClient();
  }

  /** Everything is over; once, and last. */
  ended({ status, uploadBytes, answerBytes }: TraceEnd): void {
    this.#endWait();
    this.#endClient();
    this.#proxy.end(this.#timeMs());
    const server = this.#server;
    if (server.isRecording()) {
      if (uploadBytes > 0) server.setAttribute('http.request.body.size', uploadBytes);
      if (answerBytes > 0) server.setAttribute('http.response.body.size', answerBytes);
      if (status > 0) server.setAttribute('http.response.status_code', status);
      if (status >= 500) server.setStatus({ code: this.#tools.api.SpanStatusCode.ERROR });
    }
    server.end(this.#timeMs());
  }

  #endClient(): void {
    if (this.#isClientOver) return;
    this.#isClientOver = true;
    this.#client?.end(this.#timeMs());
  }

  #endWait(): void {
    if (this.#isWaiting) this.#wait?.end(this.#timeMs());
    this.#isWaiting = false;
  }

  #queueSpan(name: string, parent: Span): Span {
    return this.#tools.queue.startSpan(name, { startTime: this.#timeMs() }, this.#under(parent));
  }

  #timeMs(): number {
    return this.#zeroMs + this.#tools.clock.nowMs();
  }

  #parentContext() {
    const { api } = this.#tools;
    const parent = this.#parent;
    if (parent === null) return api.ROOT_CONTEXT;
    const tracestate = fieldOf(this.#head.fields, 'tracestate') ?? '';
    return api.trace.setSpanContext(api.ROOT_CONTEXT, {
      traceId: parent.traceId,
      spanId: parent.spanId,
      traceFlags: parent.flags & 1,
      isRemote: true,
      ...(tracestate === '' ? {} : { traceState: api.createTraceState(tracestate) }),
    });
  }

  #under(span: Span) {
    return this.#tools.api.trace.setSpan(this.#tools.api.ROOT_CONTEXT, span);
  }
}
