import type { Sampler } from '@opentelemetry/sdk-trace';
import type { TracingOptions } from './tracing-options.ts';

type Sdk = typeof import('@opentelemetry/sdk-trace');

/**
 * Which spans are recorded, as the original decides it (pkg/observability/tracing): OTEL_TRACES_SAMPLER where it is set; all
 * of stdout; none at 0 and all at 1, whatever the caller decided. OTEL_TRACES_SAMPLER_ARG is the rate where it is set. Throws
 * an Error that names the variable where its value is none.
 */
export function samplerOf(sdk: Sdk, options: TracingOptions): Sampler {
  const { protocol, samplingRate, environment } = options;
  const name = environment.OTEL_TRACES_SAMPLER ?? '';
  const text = environment.OTEL_TRACES_SAMPLER_ARG ?? '';
  const rate = text === '' ? samplingRate : Number(text);
  if (Number.isNaN(rate))
    throw new Error(`OTEL_TRACES_SAMPLER_ARG: expected a number, got ${JSON.stringify(text)}`);
  if (name !== '') return namedSampler(sdk, name, text === '' ? 1 : rate);
  if (protocol === 'stdout' || rate >= 1) return new sdk.AlwaysOnSampler();
  if (rate <= 0) return new sdk.AlwaysOffSampler();
  return new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(rate) });
}

function namedSampler(sdk: Sdk, name: string, rate: number): Sampler {
  const parentBased = 'parentbased_';
  if (name.startsWith(parentBased)) {
    return new sdk.ParentBasedSampler({ root: namedSampler(sdk, name.slice(parentBased.length), rate) });
  }
  switch (name) {
    case 'always_on':
      return new sdk.AlwaysOnSampler();
    case 'always_off':
      return new sdk.AlwaysOffSampler();
    case 'traceidratio':
      return new sdk.TraceIdRatioBasedSampler(rate);
    default:
      throw new Error(`OTEL_TRACES_SAMPLER: ${JSON.stringify(name)} is not a sampler that is known here`);
  }
}
