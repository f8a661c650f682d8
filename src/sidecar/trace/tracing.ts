import type { LaneHead } from '../../relay/traffic.ts';
import { createExporter } from './exporter.ts';
import { RequestTrace, type TraceTools } from './request-trace.ts';
import { samplerOf } from './sampler.ts';
import type { TracingOptions } from './tracing-options.ts';

/** Spans that wait for the collector at most; more are dropped, and no request is held up. */
const maxWaitingSpans = 2_048;
/** How long spans are collected before they are sent, in milliseconds. */
const batchMs = 5_000;

/** Makes the spans of requests and sends them in the background. */
export interface Tracing {
  /** A request came that is no probe. */
  begin(head: LaneHead): RequestTrace;
  /** Sends what is left; resolves when that is done, or cannot be, or after `maxMs`. */
  close(maxMs: number): Promise<void>;
}

/**
 * Loads OpenTelemetry's packages and makes a tracer; null, and nothing is loaded, where the protocol is `none`: the fields of
 * the trace context (traceparent, tracestate, baggage) pass as they came then. Rejects with an Error that says what is wrong
 * with a variable of OpenTelemetry's.
 */
export async function createTracing(options: TracingOptions): Promise<Tracing | null> {
  if (options.protocol === 'none') return null;
  const [api, sdk, { defaultResource, resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
  ]);
  // The spans are the SDK's own work: it says by itself what it is.
  const own = Object.entries(options.resource).filter(([name]) => !name.startsWith('telemetry.sdk.'));
  const exporter = await createExporter(options);
  const provider = new sdk.TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(Object.fromEntries(own))),
    sampler: samplerOf(sdk, options),
    spanProcessors: [
      new sdk.BatchSpanProcessor({ exporter, maxQueueSize: maxWaitingSpans, scheduledDelayMillis: batchMs }),
    ],
  });
  const tools: TraceTools = {
    api,
    clock: options.clock,
    queue: provider.getTracer('knative.dev/serving/pkg/queue'),
    http: provider.getTracer(
      'go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp',
      options.version,
    ),
    app: options.app,
    isLimited: options.isLimited,
  };
  return {
    begin: (head) => new RequestTrace(tools, head),
    close: (maxMs) => closeWithin(provider.shutdown(), maxMs),
  };
}

/** An exporter that failed has told so; there is nothing more to do about it at the end. */
function closeWithin(closing: Promise<void>, maxMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, maxMs);
    const finish = () => {
      clearTimeout(timer);
      resolve();
    };
    closing.then(finish, finish);
  });
}
