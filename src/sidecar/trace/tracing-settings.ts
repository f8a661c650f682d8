import type { Clock } from '../../core/clock.ts';
import type { ResourceAttributes } from '../telemetry-resource.ts';

/** Knative's `tracing` of OBSERVABILITY_CONFIG, with `none` left out. */
export interface TracingSettings {
  readonly protocol: 'http/protobuf' | 'grpc' | 'stdout';
  /** Where the collector is; unused with stdout. OTEL_EXPORTER_OTLP_ENDPOINT goes before it. */
  readonly endpoint: string;
  /** 0 none, 1 all; in between a share of the traces that begin here, and what the caller decided of others. */
  readonly samplingRate: number;
}

/** What a tracer is made of. */
export interface TracingOptions extends TracingSettings {
  readonly clock: Clock;
  readonly resource: ResourceAttributes;
  readonly version: string;
  /** Where the app is: the client's spans say so. */
  readonly app: { readonly host: string; readonly port: number };
  /** Of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the lines of `stdout` go; must not block. */
  readonly write: (line: string) => void;
  /** The collector cannot be reached (any more), with the reason, or can again (null): once for each change. */
  readonly onCollector: (fault: string | null) => void;
}
