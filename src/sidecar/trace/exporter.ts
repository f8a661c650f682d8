import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { StdoutExporter } from './stdout-exporter.ts';
import type { TracingOptions } from './tracing-options.ts';

/** How long one export may take, in milliseconds; then its spans are lost. */
const exportTimeoutMs = 10_000;

/** The exporter of the protocol; only its own packages are loaded. */
export async function createExporter(options: TracingOptions): Promise<SpanExporter> {
  if (options.protocol === 'stdout') return new StdoutExporter(options.write);
  const config = { ...urlOf(options), timeoutMillis: exportTimeoutMs };
  const { OTLPTraceExporter } =
    options.protocol === 'grpc'
      ? await import('@opentelemetry/exporter-trace-otlp-grpc')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new WatchedExporter(new OTLPTraceExporter(config), options.onCollector);
}

/** OpenTelemetry's own variables go before what Knative configures: the exporter reads them. */
function urlOf({ protocol, endpoint, environment }: TracingOptions): { url?: string } {
  if (environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return {};
  const url = /^[a-z]+:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`;
  const hasPath = /^[a-z]+:\/\/[^/]+\//i.test(url);
  return { url: protocol === 'grpc' || hasPath ? url : `${url}/v1/traces` };
}

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];

/** Tells when a collector fails and when it is back, and not at each batch. */
class WatchedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #onCollector: (fault: string | null) => void;
  #isFailing = false;

  constructor(inner: SpanExporter, onCollector: (fault: string | null) => void) {
    this.#inner = inner;
    this.#onCollector = onCollector;
  }

  export(spans: ReadableSpan[], done: (result: Result) => void): void {
    this.#inner.export(spans, (result) => {
      const isFailing = result.code !== 0;
      if (isFailing !== this.#isFailing) {
        this.#isFailing = isFailing;
        this.#onCollector(isFailing ? reasonOf(result.error) : null);
      }
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}

function reasonOf(error: Error | undefined): string {
  return error?.message || (error as { code?: string } | undefined)?.code || 'the export failed';
}
