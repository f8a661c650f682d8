import { describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

/** What the app sees of a request with these lines. */
async function seen(lines: string, tracing?: object): Promise<ReadonlyMap<string, string>> {
  const app = await rig.app(answerOk);
  const env = tracing === undefined ? {} : { OBSERVABILITY_CONFIG: JSON.stringify({ tracing }) };
  await rig.start(app, { env });
  await rig
    .client()
    .write(rawRequest('/', 'x', lines))
    .answer();
  return app.exchanges[0]!.head.fields;
}

describe('trace context', () => {
  it.each([
    ['00', '00'],
    ['01', '01'],
  ])('of the client reaches the app without tracing, flags %s', async (flags) => {
    const lines = `traceparent: 00-${traceId}-${spanId}-${flags}\r\ntracestate: a=1,b=2\r\nbaggage: c=3\r\n`;
    const fields = await seen(lines);
    expect(fields.get('traceparent')).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-${flags}$`));
    expect(fields.get('tracestate')).toBe('a=1,b=2');
    expect(fields.get('baggage')).toBe('c=3');
  });

  it('goes on under a span of its own with tracing', async () => {
    const lines = `traceparent: 00-${traceId}-${spanId}-01\r\n`;
    const fields = await seen(lines, { protocol: 'stdout', samplingRate: 1 });
    const [, trace, span, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(\d\d)$/.exec(
      fields.get('traceparent')!,
    )!;
    expect(trace).toBe(traceId);
    expect(span).not.toBe(spanId);
    expect(flags).toBe('01');
  });

  it('is begun with tracing where there is none', async () => {
    const fields = await seen('', { protocol: 'stdout', samplingRate: 1 });
    expect(fields.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it('names its spans as Knative does', async () => {
    await seen(`traceparent: 00-${traceId}-${spanId}-01\r\n`, { protocol: 'stdout', samplingRate: 1 });
    const { sidecar } = rig;
    await sidecar.untilWritten(/kn\.queueproxy\.proxy/);
    sidecar.kill('SIGKILL');
    await sidecar.exited();
    expect(sidecar.output + sidecar.errors).toContain(traceId);
  });
});
