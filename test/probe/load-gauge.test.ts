import type { RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requestsIn } from '../../src/core/load-gauge.ts';
import { createLoadGauge, type LoadGaugeOptions } from '../../src/probe/load-gauge.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Listeners } from './listeners.ts';

describe('load gauge', () => {
  const signal = new AbortController().signal;
  let clock: ManualClock;
  let listeners: Listeners;

  beforeEach(() => {
    clock = new ManualClock();
    listeners = new Listeners();
  });
  afterEach(() => {
    expect(clock.pendingTimers).toBe(0);
    listeners.close();
  });

  const listenHttp = (listener: RequestListener) => listeners.listenHttp(listener);
  const ask = (origin: string, options: LoadGaugeOptions = {}) =>
    createLoadGauge({ clock, ...options })
      .read(origin, signal)
      .then(requestsIn);
  async function gaugeOf(
    text: string,
    type = 'text/plain; version=0.0.4; charset=utf-8',
  ): Promise<number | null> {
    const origin = await listenHttp((_request, response) => {
      response.writeHead(200, { 'content-type': type }).end(text);
    });
    return await ask(origin);
  }

  it.each([
    [
      'vLLM',
      'vllm:num_requests_running{engine="0",model_name="a"} 3.0\nvllm:num_requests_waiting{engine="0",model_name="a"} 2.0\n',
      5,
    ],
    [
      'SGLang',
      'sglang:num_running_reqs{model_name="a",tp_rank="0"} 1\nsglang:num_queue_reqs{model_name="a"} 4\n',
      5,
    ],
    ['llama-server', 'llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\n', 3],
    ['TGI', 'tgi_batch_current_size 7\ntgi_queue_size 0\n', 7],
    [
      'Triton',
      'nv_inference_pending_request_count{model="a",version="1"} 1\nnv_inference_pending_request_count{model="b",version="1"} 2\n',
      3,
    ],
  ])('adds up what runs and what waits in %s', async (_, text, sum) => {
    const surroundings =
      '# HELP vllm:num_requests_running Number of requests. 9\n# TYPE x gauge\nother_total 9\n';
    expect(await gaugeOf(`${surroundings}${text}vllm:num_requests_running_max 9\n`)).toBe(sum);
  });

  it('adds up the series of all engines', async () => {
    const series = ['0', '1'].map((engine) => `vllm:num_requests_running{engine="${engine}"} 2\n`);
    expect(await gaugeOf(series.join(''))).toBe(4);
  });

  it('is 0 for an idle backend, and null for one without such gauges', async () => {
    expect(await gaugeOf('vllm:num_requests_running 0.0\nvllm:num_requests_waiting 0.0\n')).toBe(0);
    expect(await gaugeOf('process_cpu_seconds_total 3\n')).toBeNull();
    expect(await gaugeOf('')).toBeNull();
  });

  it('reads labels with braces and quotes in them, timestamps, and ends of lines of either kind', async () => {
    const labels = '{model_name="a } \\" {b",x="y"}';
    expect(await gaugeOf(`tgi_queue_size${labels} 2 1700000000000\r\ntgi_batch_current_size 1e1\r\n`)).toBe(
      12,
    );
  });

  it('takes no longer for a line that is made to take long', async () => {
    const blanks = ' '.repeat(1_000_000);
    expect(
      await gaugeOf(`tgi_queue_size${blanks}x\ntgi_queue_size{${blanks}\ntgi_queue_size 1${blanks}\n`),
    ).toBe(1);
  });

  it('leaves out values that are no count', async () => {
    expect(await gaugeOf('tgi_queue_size NaN\ntgi_batch_current_size +Inf\n')).toBeNull();
    expect(await gaugeOf('tgi_queue_size -1\ntgi_batch_current_size 3\n')).toBe(3);
  });

  it('takes OpenMetrics, and nothing that is not text', async () => {
    const text = 'tgi_queue_size 2\n';
    expect(await gaugeOf(text, 'application/openmetrics-text; version=1.0.0')).toBe(2);
    expect(await gaugeOf(text, 'application/json')).toBeNull();
    expect(await gaugeOf(text, 'text/html')).toBeNull();
  });

  it('asks /metrics with the headers of the backend, or where it is told to', async () => {
    const asked: string[] = [];
    const origin = await listenHttp((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.end('tgi_queue_size 1\n');
    });
    const headers = { authorization: 'Bearer k' };
    expect(await ask(origin, { headers })).toBe(1);
    expect(await ask(origin, { headers, path: '/stats' })).toBe(1);
    expect(asked).toEqual(['GET /metrics Bearer k', 'GET /stats Bearer k']);
  });

  it.each([404, 401, 302, 503])('is null for a status of %i', async (status) => {
    const origin = await listenHttp((_request, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end('tgi_queue_size 1\n');
    });
    expect(await ask(origin)).toBeNull();
  });

  it('is null when nobody is there, or when there is no way to ask', async () => {
    const origin = await listenHttp(() => undefined);
    await listeners.end();
    expect(await ask(origin)).toBeNull();
    expect(await ask('http://not a host')).toBeNull();
    expect(await ask(origin, { headers: { 'x-key': 'a\nb' } })).toBeNull();
  });

  it('is null for an answer that breaks off', async () => {
    const origin = await listeners.listen(
      createTcpServer((socket) => {
        socket.once('data', () => {
          socket.end(
            'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 99\r\n\r\ntgi_queue_size 1\n',
          );
        });
      }),
    );
    expect(await ask(origin)).toBeNull();
  });

  it('gives up on an answer without end, and closes the connection', async () => {
    const closed = Promise.withResolvers<void>();
    const origin = await listenHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.once('close', closed.resolve);
      const more = () => {
        while (!response.destroyed && response.write('tgi_queue_size 1\n'.repeat(4_096)));
      };
      response.on('drain', more);
      more();
    });
    expect(await ask(origin)).toBeNull();
    await closed.promise;
  });

  it('gives up on an answer that is not complete after two seconds', async () => {
    const asked = Promise.withResolvers<void>();
    const origin = await listenHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).write('tgi_queue_size 1\n');
      asked.resolve();
    });
    const running = ask(origin);
    await asked.promise;
    await clock.advance(2_000);
    expect(await running).toBeNull();
  });

  it('rejects with the reason of its signal, and ends the request', async () => {
    const gone = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const origin = await listenHttp((_request, response) => {
      response.once('close', gone.resolve);
      asked.resolve();
    });
    const controller = new AbortController();
    const running = createLoadGauge({ clock }).read(origin, controller.signal);
    const rejected = expect(running).rejects.toThrow('no longer asked');
    await asked.promise;
    controller.abort(new Error('no longer asked'));
    await rejected;
    await gone.promise;
    await expect(createLoadGauge({ clock }).read(origin, controller.signal)).rejects.toThrow(
      'no longer asked',
    );
  });
});
