import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { RequestStats } from '../../src/sidecar/stats/request-stats.ts';
import { answerStat } from '../../src/sidecar/stats/stat-answer.ts';
import { encodeStat, type Stat } from '../../src/sidecar/stats/stat-message.ts';
import { laneHead } from '../support/lane-head.ts';

/** Knative's own message, and a service whose only use is that proto-loader shows its codec. */
const proto = `syntax = "proto3";
package metrics;
message Stat {
  string pod_name = 1;
  double average_concurrent_requests = 2;
  double average_proxied_concurrent_requests = 3;
  double request_count = 4;
  double proxied_request_count = 5;
  double process_uptime = 6;
  int64 timestamp = 7;
}
service Codec { rpc Take(Stat) returns (Stat); }`;

function decoder(): (bytes: Buffer) => object {
  const folder = mkdtempSync(join(tmpdir(), 'stat-proto-'));
  try {
    writeFileSync(join(folder, 'stat.proto'), proto);
    const loaded = loadSync(join(folder, 'stat.proto'), { defaults: true, longs: Number, keepCase: true });
    const codec = loaded['metrics.Codec'] as unknown as {
      Take: { responseDeserialize(bytes: Buffer): object };
    };
    return (bytes) => codec.Take.responseDeserialize(bytes);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const decode = decoder();

function head(target: string, method = 'GET') {
  return laneHead({ target, method, fields: ['host', 'localhost:9090', 'accept', 'text/plain'] });
}

const zero: Stat = {
  podName: '',
  averageConcurrentRequests: 0,
  averageProxiedConcurrentRequests: 0,
  requestCount: 0,
  proxiedRequestCount: 0,
  processUptimeS: 0,
};

describe('Stat as protobuf', () => {
  // What gogo/protobuf makes of the original's metrics.Stat with these values.
  it.each<[string, Partial<Stat>, string]>([
    ['only a name', { podName: 'pod-1' }, '0a05706f642d31'],
    ['nothing', {}, ''],
    [
      'every field',
      {
        podName: 'hello-00001-deployment-6f9c',
        averageConcurrentRequests: 1.5,
        averageProxiedConcurrentRequests: 0.25,
        requestCount: 3,
        proxiedRequestCount: 1,
        processUptimeS: 61,
      },
      '0a1b68656c6c6f2d30303030312d6465706c6f796d656e742d3666396311000000000000f83f19000000000000d03f21000000000000084029000000000000f03f310000000000804e40',
    ],
    [
      'a name beyond ASCII and fractions',
      { podName: 'pød', averageConcurrentRequests: 0.0011111, requestCount: 1e21, processUptimeS: 0.5 },
      '0a0470c3b864116fcd678a4a34523f2150efe2d6e41a4b4431000000000000e03f',
    ],
  ])('has the bytes of the original: %s', async (_name, stat, hex) => {
    expect(Buffer.from(await encodeStat({ ...zero, ...stat })).toString('hex')).toBe(hex);
  });
});

describe('the port of statistics', () => {
  const source = { pod: 'pod-1', stats: new RequestStats(0) };

  it('names the pod alone before the first period is over', async () => {
    const answer = await answerStat(source, head('/metrics'), 400);
    expect(decode(answer.body as Buffer)).toEqual({
      pod_name: 'pod-1',
      average_concurrent_requests: 0,
      average_proxied_concurrent_requests: 0,
      request_count: 0,
      proxied_request_count: 0,
      process_uptime: 0,
      timestamp: 0,
    });
  });

  it('tells the last whole period, whatever method asks and whatever it accepts', async () => {
    source.stats.enter(true, 1_000);
    source.stats.enter(false, 1_250);
    source.stats.leave(true, 1_500);
    source.stats.leave(false, 1_750);
    for (const method of ['GET', 'POST']) {
      const answer = await answerStat(source, head('/metrics?x=1', method), 2_300);
      expect(answer).toMatchObject({ status: 200, fields: ['content-type', 'application/protobuf'] });
      expect(decode(answer.body as Buffer)).toEqual({
        pod_name: 'pod-1',
        average_concurrent_requests: 1,
        average_proxied_concurrent_requests: 0.5,
        request_count: 2,
        proxied_request_count: 1,
        process_uptime: 2,
        timestamp: 0,
      });
    }
  });

  it.each(['/', '/metrics/', '/metricsx', '/healthz'])('has nothing at %s', async (target) => {
    expect(await answerStat(source, head(target), 3_000)).toEqual({
      status: 404,
      fields: ['content-type', 'text/plain; charset=utf-8', 'x-content-type-options', 'nosniff'],
      body: '404 page not found\n',
    });
  });
});
