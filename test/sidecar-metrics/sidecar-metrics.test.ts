import { describe, expect, it } from 'vitest';
import { answerMetrics } from '../../src/sidecar/metrics/metrics-answer.ts';
import { type MeteredRequest, SidecarMetrics } from '../../src/sidecar/metrics/sidecar-metrics.ts';
import { laneHead } from '../support/lane-head.ts';

const resource = {
  'container.name': 'queue-proxy',
  'k8s.namespace.name': 'default',
  'k8s.pod.name': 'pod-1',
  'kn.revision.name': 'conf-00001',
  'service.name': 'svc',
};

function metricsWith(queueDepth: (() => number) | null = null): SidecarMetrics {
  return new SidecarMetrics({
    resource,
    version: '9.9.9',
    app: { host: '127.0.0.1', port: 18080 },
    queueDepth,
  });
}

function request(own: Partial<MeteredRequest> = {}): MeteredRequest {
  return {
    head: laneHead({ authority: 'localhost:18012' }),
    status: 200,
    totalMs: 9,
    uploadBytes: 0,
    answerBytes: 205,
    servedMs: 8,
    headMs: 7,
    appStatus: 200,
    ...own,
  };
}

async function linesOf(metrics: SidecarMetrics): Promise<string[]> {
  const { body } = await answerMetrics(metrics, laneHead({ target: '/metrics' }));
  return String(body).split('\n');
}

const otelhttp =
  'otel_scope_name="go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",otel_scope_schema_url="",otel_scope_version="9.9.9"';
const queue =
  'otel_scope_name="knative.dev/serving/pkg/queue",otel_scope_schema_url="",otel_scope_version=""';
const seconds = '0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf';
const bytes = '0 5 10 25 50 75 100 250 500 750 1000 2500 5000 7500 10000 +Inf';
const shape =
  'http_request_method="GET",http_response_status_code="200",kn_route_tag="kn:disabled",network_protocol_name="http",network_protocol_version="1.1"';
const server = `${shape},server_address="localhost",server_port="18012",url_scheme="http"`;
const client = `${shape},server_address="127.0.0.1",server_port="18080",url_scheme="http"`;

/** What queue-proxy of 2026-07 answered on its port after such a request, but for otelhttp's own version. */
const original: readonly [name: string, help: string, labels: string, bounds: string, sum: string][] = [
  ['http_client_request_body_size_bytes', 'Size of HTTP client request bodies.', client, bytes, '0'],
  ['http_client_request_duration_seconds', 'Duration of HTTP client requests.', client, seconds, '0.007'],
  ['http_server_request_body_size_bytes', 'Size of HTTP server request bodies.', server, bytes, '0'],
  ['http_server_request_duration_seconds', 'Duration of HTTP server requests.', server, seconds, '0.009'],
  ['http_server_response_body_size_bytes', 'Size of HTTP server response bodies.', server, bytes, '205'],
  [
    'kn_serving_invocation_duration_seconds',
    'The duration of task execution',
    'http_response_status_code="200"',
    seconds,
    '0.008',
  ],
];

describe('the metrics of the sidecar', () => {
  it.each(original)(
    'are the original’s by name, help, labels and buckets: %s',
    async (name, help, labels, bounds, sum) => {
      const metrics = metricsWith();
      metrics.ended(request());
      const lines = await linesOf(metrics);
      expect(lines).toContain(`# HELP ${name} ${help}`);
      expect(lines).toContain(`# TYPE ${name} histogram`);
      const all = `${labels},${name.startsWith('kn') ? queue : otelhttp}`;
      expect(lines).toContain(`${name}_sum{${all}} ${sum}`);
      expect(lines).toContain(`${name}_count{${all}} 1`);
      const les = lines
        .filter((line) => line.startsWith(`${name}_bucket`))
        .map((line) => /le="([^"]*)",/.exec(line)![1]);
      expect(les.join(' ')).toBe(bounds);
      expect(lines).toContain(`${name}_bucket{le="+Inf",${all}} 1`);
    },
  );

  it('say in target_info who speaks', async () => {
    expect(await linesOf(metricsWith())).toContain(
      'target_info{container_name="queue-proxy",k8s_namespace_name="default",k8s_pod_name="pod-1",kn_revision_name="conf-00001",service_name="svc"} 1',
    );
  });

  it('tell how deep the queue is when they are asked, and nothing of it without a limit', async () => {
    let depth = 3;
    const metrics = metricsWith(() => depth);
    expect(await linesOf(metrics)).toContain(`kn_serving_queue_depth{${queue}} 3`);
    depth = 0;
    expect(await linesOf(metrics)).toContain(`kn_serving_queue_depth{${queue}} 0`);
    expect((await linesOf(metricsWith())).filter((line) => line.includes('queue_depth'))).toEqual([]);
  });

  it('have the process’s own figures', async () => {
    const lines = await linesOf(metricsWith());
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_heap_size_used_bytes',
    ]) {
      expect(lines.filter((line) => line.startsWith(`${name} `))).toHaveLength(1);
    }
  });

  it('count a request that never had a slot on the server’s side alone', async () => {
    const metrics = metricsWith();
    metrics.ended(request({ status: 503, servedMs: null, appStatus: 0 }));
    const counts = (await linesOf(metrics)).filter((line) => line.includes('_count{'));
    expect(counts.map((line) => line.split('{')[0])).toEqual([
      'http_server_request_body_size_bytes_count',
      'http_server_request_duration_seconds_count',
      'http_server_response_body_size_bytes_count',
    ]);
  });

  it('tell an app that did not answer by the error’s type and by the status that was answered for it', async () => {
    const metrics = metricsWith();
    metrics.ended(request({ status: 502, appStatus: 0 }));
    const counts = (await linesOf(metrics)).filter((line) => line.includes('duration_seconds_count{'));
    expect(counts[0]).toContain('{error_type="_OTHER",http_request_method="GET",kn_route_tag=');
    expect(counts[1]).toContain('http_response_status_code="502"');
    expect(counts[2]).toContain('{http_response_status_code="502",');
  });

  it.each<[string, Partial<MeteredRequest['head']>, string[]]>([
    ['HTTP/2', { version: '2' }, ['network_protocol_version="2.0"']],
    ['a method of the client’s own', { method: 'FOO' }, ['http_request_method="_OTHER"']],
    [
      'TLS',
      { peer: { address: '::1', port: 1, isTls: true }, authority: 'a.example' },
      ['url_scheme="https"', 'server_address="a.example",url'],
    ],
    ['the scheme’s own port', { authority: 'a.example:80' }, ['server_address="a.example",url']],
    ['an address in brackets', { authority: '[::1]:99' }, ['server_address="::1",server_port="99"']],
    ['an authority that is none', { authority: 'a:b:c' }, ['network_protocol_version="1.1",url_scheme']],
    [
      'a tag',
      { fields: ['knative-serving-tag', 't', 'knative-serving-default-route', 'false'] },
      ['kn_route_tag="t"'],
    ],
    [
      'a tag that led nowhere',
      { fields: ['knative-serving-tag', 't', 'knative-serving-default-route', 'true'] },
      ['kn_route_tag="kn:undefined"'],
    ],
    ['no tag', { fields: ['knative-serving-default-route', 'true'] }, ['kn_route_tag="kn:default"']],
  ])('label as the original does: %s', async (_name, head, expected) => {
    const metrics = metricsWith();
    metrics.ended(request({ head: laneHead(head) }));
    const line = (await linesOf(metrics)).find((one) =>
      one.startsWith('http_server_request_duration_seconds_count'),
    )!;
    for (const part of expected) expect(line).toContain(part);
  });

  it('keep apart what differs and add up what does not, in whatever order it comes', async () => {
    const metrics = metricsWith();
    const kinds = [
      request(),
      request({ status: 404, appStatus: 404 }),
      request({ head: laneHead({ authority: 'b' }) }),
    ];
    for (let i = 0; i < 30; i++) metrics.ended(kinds[(i * i) % 3]!);
    const counts = (await linesOf(metrics))
      .filter((line) => line.startsWith('http_server_request_duration_seconds_count'))
      .map((line) => [
        /code="(\d+)"/.exec(line)![1],
        /server_address="(\w+)"/.exec(line)![1],
        line.split(' ').at(-1),
      ]);
    expect(counts).toEqual([
      ['200', 'localhost', '10'],
      ['404', 'localhost', '20'],
    ]);
    metrics.ended(kinds[2]!);
    expect((await linesOf(metrics)).join('\n')).toMatch(
      /duration_seconds_count\{[^}]*server_address="b"[^}]*\} 1$/m,
    );
  });

  it('have 200 series each, whatever hosts the clients invent', async () => {
    const metrics = metricsWith();
    for (let i = 0; i < 500; i++) metrics.ended(request({ head: laneHead({ authority: `h${i}` }) }));
    const counts = (await linesOf(metrics)).filter((line) =>
      line.startsWith('http_server_request_duration_seconds_count'),
    );
    expect(counts).toHaveLength(200);
    expect(counts.at(-1)).toBe(
      `http_server_request_duration_seconds_count{otel_metric_overflow="true",${otelhttp}} 301`,
    );
  });
});

describe('the port of metrics', () => {
  it('answers GET and HEAD of its path, 405 other methods and 404 other paths', async () => {
    const metrics = metricsWith();
    const ask = (target: string, method: string) => answerMetrics(metrics, laneHead({ target, method }));
    expect(await ask('/metrics?a=b', 'GET')).toMatchObject({
      status: 200,
      fields: ['content-type', 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'],
    });
    expect((await ask('/metrics', 'HEAD')).status).toBe(200);
    const refused = await ask('/metrics', 'POST');
    expect(refused).toMatchObject({ status: 405, body: 'Method Not Allowed\n' });
    expect(refused.fields.slice(0, 2)).toEqual(['allow', 'GET, HEAD']);
    expect(await ask('/', 'GET')).toMatchObject({ status: 404, body: '404 page not found\n' });
  });
});
