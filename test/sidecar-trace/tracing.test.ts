import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { LaneHead } from '../../src/relay/traffic.ts';
import { createTracing, type Tracing } from '../../src/sidecar/trace/tracing.ts';
import type { TracingOptions } from '../../src/sidecar/trace/tracing-options.ts';
import { laneHead } from '../support/lane-head.ts';
import { type ReceivedSpan, receiveGrpc, receiveHttp } from './otlp-receiver.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const fromCaller = (flags: string): Partial<LaneHead> => ({
  fields: ['traceparent', `00-${traceId}-${parentId}-${flags}`, 'tracestate', 'v=1', 'baggage', 'a=b ,c=d'],
});

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function tracingWith(own: Partial<TracingOptions>): Promise<Tracing> {
  const tracing = await createTracing({
    clock: systemClock,
    protocol: 'http/protobuf',
    endpoint: '',
    samplingRate: 1,
    resource: { 'service.name': 'svc', 'k8s.pod.name': 'pod-1', 'telemetry.sdk.name': 'pilotlight' },
    version: '9.9.9',
    app: { host: '127.0.0.1', port: 18_080 },
    isLimited: true,
    environment: {},
    write: () => undefined,
    onCollector: () => undefined,
    ...own,
  });
  if (tracing === null) throw new Error('tracing is off');
  closers.push(() => tracing.close(100));
  return tracing;
}

/** Sends one request through, and gives the fields that the app gets. */
function passed(tracing: Tracing, own: Partial<LaneHead> = {}, status = 200): string[] {
  const head = laneHead(own);
  const trace = tracing.begin(head);
  trace.waiting();
  trace.admitted();
  const fields = trace.sent(head.fields);
  trace.headed(status);
  trace.ended({ status, uploadBytes: 0, answerBytes: 205 });
  return fields;
}

const fieldIn = (fields: readonly string[], name: string) => fields[fields.indexOf(name) + 1]!;

/** The spans by name. */
function byName(spans: readonly ReceivedSpan[]): Record<string, ReceivedSpan> {
  return Object.fromEntries(spans.map((span) => [span.name, span]));
}

describe.each([
  ['HTTP', 'http/protobuf', receiveHttp],
  ['gRPC', 'grpc', receiveGrpc],
] as const)('the spans of a request, sent to a collector over %s', (_name, protocol, receive) => {
  it('are the original’s, each below the one before, and below the caller’s', async () => {
    const receiver = await receive();
    closers.push(receiver.close);
    const tracing = await tracingWith({ protocol, endpoint: receiver.endpoint });
    const fields = passed(tracing, { ...fromCaller('01'), authority: 'localhost:18012', target: '/hdr?q=1' });
    await tracing.close(5_000);

    const {
      GET: server,
      'kn.queueproxy.proxy': proxy,
      'kn.queueproxy.wait': wait,
      'HTTP GET': client,
    } = byName(receiver.spans);
    expect(receiver.spans).toHaveLength(4);
    expect(receiver.spans.map((span) => span.traceId)).toEqual(Array(4).fill(traceId));
    expect(server).toMatchObject({ kind: 2, parentSpanId: parentId, traceState: 'v=1' });
    expect(proxy).toMatchObject({
      kind: 1,
      parentSpanId: server!.spanId,
      scope: 'knative.dev/serving/pkg/queue',
    });
    expect(wait).toMatchObject({ kind: 1, parentSpanId: proxy!.spanId });
    expect(client).toMatchObject({ kind: 3, parentSpanId: wait!.spanId });
    expect(fieldIn(fields, 'traceparent')).toBe(`00-${traceId}-${client!.spanId}-01`);
    expect(fieldIn(fields, 'tracestate')).toBe('v=1');
    expect(fieldIn(fields, 'baggage')).toBe('a=b ,c=d');
    expect(server!.attributes).toEqual({
      'server.address': 'localhost',
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'server.port': 18012,
      'network.peer.address': '127.0.0.1',
      'network.peer.port': 40114,
      'client.address': '127.0.0.1',
      'url.path': '/hdr',
      'network.protocol.version': '1.1',
      'kn.route.tag': 'kn:disabled',
      'http.response.body.size': 205,
      'http.response.status_code': 200,
    });
    expect(client!.attributes).toEqual({
      'http.request.method': 'GET',
      'url.full': 'http://127.0.0.1:18080/hdr?q=1',
      'server.address': '127.0.0.1',
      'server.port': 18080,
      'network.protocol.version': '1.1',
      'http.response.status_code': 200,
    });
    expect(server!.resource).toMatchObject({
      'service.name': 'svc',
      'k8s.pod.name': 'pod-1',
      'telemetry.sdk.name': 'opentelemetry',
    });
    expect(server!.endedAtMs).toBeGreaterThanOrEqual(client!.endedAtMs);
    expect(Math.abs(server!.startedAtMs - Date.now())).toBeLessThan(60_000);
  });
});

describe('spans', () => {
  async function spansOf(act: (tracing: Tracing) => void, own: Partial<TracingOptions> = {}) {
    const receiver = await receiveHttp();
    closers.push(receiver.close);
    const tracing = await tracingWith({ endpoint: receiver.endpoint, ...own });
    act(tracing);
    await tracing.close(5_000);
    return receiver.spans;
  }

  it('tell an error of the app, which is one of the server from 500 on', async () => {
    const statuses = async (status: number) => {
      const { GET: server, 'HTTP GET': client } = byName(
        await spansOf((tracing) => passed(tracing, {}, status)),
      );
      return [server!.status, client!.status, client!.attributes['error.type']];
    };
    expect(await statuses(302)).toEqual([0, 0, undefined]);
    expect(await statuses(404)).toEqual([0, 2, '404']);
    expect(await statuses(503)).toEqual([2, 2, '503']);
  });

  it('tell why the app could not be reached', async () => {
    const spans = await spansOf((tracing) => {
      const trace = tracing.begin(laneHead({ method: 'FOO' }));
      trace.sent([]);
      trace.broken(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      trace.ended({ status: 502, uploadBytes: 5, answerBytes: 0 });
    });
    const { HTTP: server, 'kn.queueproxy.proxy': proxy, 'HTTP FOO': client } = byName(spans);
    expect(client).toMatchObject({ status: 2, message: 'connect ECONNREFUSED', parentSpanId: proxy!.spanId });
    expect(client!.attributes).toMatchObject({
      'error.type': 'ECONNREFUSED',
      'http.request.method': '_OTHER',
      'http.request.method_original': 'FOO',
    });
    expect(server).toMatchObject({ status: 2 });
    expect(server!.attributes).toMatchObject({
      'http.response.status_code': 502,
      'http.request.body.size': 5,
    });
  });

  it('end with a request that was refused while it waited, without one of the client', async () => {
    const spans = await spansOf((tracing) => {
      const trace = tracing.begin(laneHead());
      trace.waiting();
      trace.ended({ status: 503, uploadBytes: 0, answerBytes: 27 });
    });
    expect(spans.map((span) => span.name).sort()).toEqual([
      'GET',
      'kn.queueproxy.proxy',
      'kn.queueproxy.wait',
    ]);
  });

  it('have none for the wait where there is no limit, and the client’s is below the proxy’s', async () => {
    const spans = await spansOf((tracing) => passed(tracing), { isLimited: false });
    const { GET: server, 'kn.queueproxy.proxy': proxy, 'HTTP GET': client } = byName(spans);
    expect(spans).toHaveLength(3);
    expect(proxy!.parentSpanId).toBe(server!.spanId);
    expect(client!.parentSpanId).toBe(proxy!.spanId);
  });

  it('have the client’s address from X-Forwarded-For, and TLS and HTTP/2 told', async () => {
    const head: Partial<LaneHead> = {
      version: '2',
      authority: 'a.example',
      fields: ['x-forwarded-for', '1.2.3.4, 5.6.7.8', 'user-agent', 'curl', 'knative-serving-tag', 't'],
      peer: { address: '::ffff:10.0.0.9', port: 7, isTls: true },
    };
    const { GET: server } = byName(await spansOf((tracing) => passed(tracing, head)));
    expect(server!.attributes).toMatchObject({
      'client.address': '1.2.3.4',
      'network.peer.address': '10.0.0.9',
      'network.protocol.version': '2.0',
      'url.scheme': 'https',
      'user_agent.original': 'curl',
      'kn.route.tag': 't',
    });
    expect(server!.attributes).not.toHaveProperty('server.port');
  });

  it.each<[string, Partial<TracingOptions>, Partial<LaneHead>, boolean]>([
    ['all at a rate of 1', { samplingRate: 1 }, fromCaller('00'), true],
    ['none at a rate of 0', { samplingRate: 0 }, fromCaller('01'), false],
    ['what the caller sampled, in between', { samplingRate: 0.000001 }, fromCaller('01'), true],
    ['nothing else that a caller began', { samplingRate: 0.999999 }, fromCaller('00'), false],
    [
      'by the rate of OTEL_TRACES_SAMPLER_ARG',
      { samplingRate: 0, environment: { OTEL_TRACES_SAMPLER_ARG: '1' } },
      {},
      true,
    ],
    [
      'by OTEL_TRACES_SAMPLER',
      { samplingRate: 0, environment: { OTEL_TRACES_SAMPLER: 'always_on' } },
      {},
      true,
    ],
    [
      'by the parent’s',
      { environment: { OTEL_TRACES_SAMPLER: 'parentbased_always_off' } },
      fromCaller('01'),
      true,
    ],
    [
      'by a sampler that takes none',
      { environment: { OTEL_TRACES_SAMPLER: 'always_off' } },
      fromCaller('01'),
      false,
    ],
  ])('are recorded: %s, and the app is told', async (_name, options, head, isRecorded) => {
    let traceparent = '';
    const spans = await spansOf((tracing) => {
      traceparent = fieldIn(passed(tracing, head), 'traceparent');
    }, options);
    expect(spans).toHaveLength(isRecorded ? 4 : 0);
    expect(traceparent).toMatch(isRecorded ? /-01$/ : /-00$/);
    if ('fields' in head) expect(traceparent).toContain(traceId);
    expect(traceparent).not.toContain(parentId);
  });

  it('begin a new trace where the caller’s is malformed, without the state of the other', async () => {
    const tracing = await tracingWith({ protocol: 'stdout' });
    const fields = passed(tracing, { fields: ['traceparent', '00-bad', 'tracestate', 'v=1'] });
    expect(fieldIn(fields, 'traceparent')).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/);
    expect(fields).not.toContain('tracestate');
  });

  it('keep the mark of a random trace id', async () => {
    const tracing = await tracingWith({ protocol: 'stdout' });
    expect(fieldIn(passed(tracing, fromCaller('03')), 'traceparent')).toMatch(/-03$/);
  });

  it('go to standard output as lines of the shape of Go’s', async () => {
    const lines: string[] = [];
    const tracing = await tracingWith({
      protocol: 'stdout',
      samplingRate: 0,
      write: (line) => lines.push(line),
    });
    passed(tracing, fromCaller('01'), 500);
    await tracing.close(5_000);
    const spans = lines.map((line) => JSON.parse(line));
    expect(lines.every((line) => line.endsWith('}\n'))).toBe(true);
    expect(spans.map(({ Name }) => Name)).toEqual([
      'kn.queueproxy.wait',
      'HTTP GET',
      'kn.queueproxy.proxy',
      'GET',
    ]);
    expect(spans[3]).toMatchObject({
      SpanContext: { TraceID: traceId, TraceFlags: '01', TraceState: 'v=1', Remote: false },
      Parent: { TraceID: traceId, SpanID: parentId, Remote: true },
      SpanKind: 2,
      Status: { Code: 'Error', Description: '' },
    });
    expect(spans[3].Attributes).toContainEqual({
      Key: 'http.response.status_code',
      Value: { Type: 'INT64', Value: 500 },
    });
    expect(spans[3].StartTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  it('are refused with a sampler that is none', async () => {
    const made = (environment: Record<string, string>) =>
      tracingWith({ environment, endpoint: 'http://127.0.0.1:1' });
    await expect(made({ OTEL_TRACES_SAMPLER: 'jaeger' })).rejects.toThrow('OTEL_TRACES_SAMPLER: "jaeger"');
    await expect(made({ OTEL_TRACES_SAMPLER_ARG: 'x' })).rejects.toThrow(
      'OTEL_TRACES_SAMPLER_ARG: expected a number',
    );
  });
});

describe('a collector', () => {
  /** Takes connections, and answers nothing. */
  async function silent(): Promise<string> {
    const server: Server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => server.close(() => resolve()).unref() && resolve()));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each(['http/protobuf', 'grpc'] as const)(
    'that says nothing over %s holds up the end by no more than it may',
    async (protocol) => {
      const tracing = await tracingWith({ protocol, endpoint: await silent() });
      passed(tracing);
      const startedAtMs = performance.now();
      await tracing.close(300);
      expect(performance.now() - startedAtMs).toBeLessThan(2_000);
    },
  );

  it('that is not there slows no request', async () => {
    const tracing = await tracingWith({ endpoint: 'http://127.0.0.1:9' });
    const startedAtMs = performance.now();
    for (let i = 0; i < 5_000; i++) passed(tracing);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    await tracing.close(300);
    expect(performance.now() - startedAtMs).toBeLessThan(7_000);
  });

  it('that is slow gets what has waited within bounds, and the rest is dropped', async () => {
    const { promise: isAwake, resolve: wake } = Promise.withResolvers<void>();
    const receiver = await receiveHttp(async () => {
      await isAwake;
      return 200;
    });
    closers.push(receiver.close);
    const tracing = await tracingWith({ endpoint: receiver.endpoint });
    for (let i = 0; i < 2_000; i++) passed(tracing);
    wake();
    await tracing.close(10_000);
    // A batch of 512 that was under way, and 2,048 behind it.
    expect(receiver.spans).toHaveLength(2_560);
  });

  it('that fails is told of once, and once more when it is back', async () => {
    const faults: (string | null)[] = [];
    let code = 400;
    let posts = 0;
    const receiver = await receiveHttp(() => {
      posts++;
      return code;
    });
    closers.push(receiver.close);
    const tracing = await tracingWith({
      endpoint: receiver.endpoint,
      onCollector: (fault) => faults.push(fault),
    });
    // 128 requests of four spans are a batch.
    for (const [nth, status] of [400, 400, 200, 200].entries()) {
      code = status;
      for (let i = 0; i < 128; i++) passed(tracing);
      await expect.poll(() => posts).toBe(nth + 1);
    }
    await tracing.close(5_000);
    expect(faults).toEqual([expect.any(String), null]);
  });

  it('that OpenTelemetry’s own variables name goes before the configured one', async () => {
    const receiver = await receiveHttp();
    closers.push(receiver.close);
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.endpoint;
    try {
      const tracing = await tracingWith({ endpoint: 'http://127.0.0.1:9', environment: process.env });
      passed(tracing);
      await tracing.close(5_000);
    } finally {
      delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
    }
    expect(receiver.spans).toHaveLength(4);
  });
});
