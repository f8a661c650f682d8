import type { Clock } from '../core/clock.ts';
import type { LaneRequest } from '../relay/traffic.ts';
import type { EndedRequest } from './crossing-parts.ts';
import { SidecarMetrics } from './metrics/sidecar-metrics.ts';
import type { EarsFactory } from './model/answer-ears.ts';
import { type CompanyParts, RequestCompany } from './request-company.ts';
import type { SidecarSettings } from './settings.ts';
import type { SidecarLog } from './sidecar-log.ts';
import { resourceOf } from './telemetry-resource.ts';
import type { Tracing } from './trace/tracing.ts';

/** What is told of requests is made of this. */
export interface ObservationOptions {
  readonly settings: SidecarSettings;
  readonly log: SidecarLog;
  readonly clock: Clock;
  /** Pilotlight's version. */
  readonly version: string;
  /** OpenTelemetry's own variables are read there. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly gate: { readonly waiting: number; readonly inFlight: number; readonly oldestWaitMs: number };
  readonly readiness: { noteLoading(): void; noteServed(): void };
}

/** Metrics, request log and what goes along with a request, as far as they are on. */
export interface Observation {
  /** Null: they are not asked for. */
  readonly metrics: SidecarMetrics | null;
  /** Null: nothing goes along with any request. */
  readonly companyOf: ((request: LaneRequest) => RequestCompany) | null;
  /** Told of each request of the app that has ended. */
  onEnded(request: EndedRequest): void;
  /** Told of each probe that was answered here. */
  onProbe(request: LaneRequest, status: number, bytes: number): void;
  /** Sends what is left of the spans; resolves when that is done, or after `maxMs`. */
  close(maxMs: number): Promise<void>;
}

/**
 * Loads what the settings ask for and nothing else. Rejects with a TemplateFault where the template of the request log is
 * none, and with an Error that names it where a variable of OpenTelemetry's is wrong.
 */
export async function createObservation(options: ObservationOptions): Promise<Observation> {
  const { settings, log, clock } = options;
  const metrics = settings.metrics.protocol === 'prometheus' ? createMetrics(options) : null;
  const logRequest = await createLog(options);
  const tracing = await createTracer(options);
  return {
    metrics,
    companyOf: companyFrom({
      tracing,
      ears: await createEars(options, metrics),
      comment: await createComment(options),
    }),
    close: async (maxMs) => tracing?.close(maxMs),
    onEnded(request) {
      if (!request.isProbe) metrics?.ended(request);
      const { fault, status } = request;
      if (fault !== null) log.error({ error: fault, status }, 'the app did not answer a request to its end');
      logRequest?.(request);
    },
    onProbe({ head, arrivedAtMs }, status, answerBytes) {
      logRequest?.({ head, status, answerBytes, totalMs: clock.nowMs() - arrivedAtMs });
    },
  };
}

function createMetrics({ settings, version, environment, gate }: ObservationOptions): SidecarMetrics {
  const resource = resourceOf({ identity: settings.identity, version, environment });
  const queueDepth = settings.concurrency === 0 ? null : () => gate.waiting + gate.inFlight;
  return new SidecarMetrics({ resource, version, app: settings.user, queueDepth });
}

async function createLog({ settings, log }: ObservationOptions) {
  if (settings.requestLog === null) return null;
  const { createRequestLog } = await import('./request-log/request-log.ts');
  return createRequestLog({ ...settings.requestLog, identity: settings.identity, write: log.raw });
}

function companyFrom(parts: {
  tracing: Tracing | null;
  ears: EarsFactory | null;
  comment: CompanyParts['comment'];
}): Observation['companyOf'] {
  const { tracing, ears: earsOf, comment } = parts;
  if (tracing === null && earsOf === null && comment === null) return null;
  return (request) =>
    new RequestCompany(request, {
      trace: tracing?.begin(request.head) ?? null,
      ears: earsOf?.(request.arrivedAtMs) ?? null,
      comment,
    });
}

async function createTracer(options: ObservationOptions): Promise<Tracing | null> {
  const { settings, log, clock, version, environment } = options;
  if (settings.tracing.protocol === 'none') return null;
  const { createTracing } = await import('./trace/tracing.ts');
  return createTracing({
    ...settings.tracing,
    ...{ clock, version, environment },
    resource: resourceOf({ identity: settings.identity, version, environment }),
    app: settings.user,
    isLimited: settings.concurrency > 0,
    write: log.raw,
    onCollector(fault) {
      if (fault === null) log.info({}, 'spans are sent again');
      else log.warn({ fault }, 'spans cannot be sent');
    },
  });
}

async function createEars({ settings, gate, readiness }: ObservationOptions, metrics: SidecarMetrics | null) {
  const { loading } = settings.model;
  const isMeasured = settings.model.metrics && metrics !== null;
  if (loading === null && !isMeasured) return null;
  const { createEarsFactory } = await import('./model/answer-ears.ts');
  return createEarsFactory({
    features: { loading, metrics: isMeasured },
    holder: metrics?.holder ?? { registerMetric: () => undefined },
    readiness,
    oldestWaitMs: () => gate.oldestWaitMs,
  });
}

async function createComment({ settings, clock }: ObservationOptions): Promise<CompanyParts['comment']> {
  const everyMs = settings.model.heartbeatMs;
  if (everyMs === 0) return null;
  const { WaitComments } = await import('./model/wait-comments.ts');
  return (request, state) => new WaitComments({ request, clock, everyMs, state });
}
