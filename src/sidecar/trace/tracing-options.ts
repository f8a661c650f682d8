import type { Clock } from '../../core/clock.ts';
import type { TracingSettings } from '../settings.ts';
import type { ResourceAttributes } from '../telemetry-resource.ts';

/** What a tracer is made of. OTEL_EXPORTER_OTLP_ENDPOINT and its like go before the settings' endpoint. */
export interface TracingOptions extends TracingSettings {
  readonly clock: Clock;
  readonly resource: ResourceAttributes;
  readonly version: string;
  /** Where the app is: the client's spans say so. */
  readonly app: { readonly host: string; readonly port: number };
  /** Requests may have to wait for a slot: the wait has a span of its own then. */
  readonly isLimited: boolean;
  /** Of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the lines of `stdout` go; must not block. */
  readonly write: (line: string) => void;
  /** The collector cannot be reached (any more), with the reason, or can again (null): once for each change. */
  readonly onCollector: (fault: string | null) => void;
}
