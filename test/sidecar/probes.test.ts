import { describe, expect, it } from 'vitest';
import { answerOk, type RawBackend } from '../support/raw-backend.ts';
import { type RawAnswer, rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

/** Those who ask for the health of the whole by their name. */
const probers = ['kube-probe/1.36', 'Knative-Activator-Probe', 'Knative-Autoscaling-Probe'];

const appProbe = (port: number) => ({
  httpGet: { path: '/healthz', port, host: '127.0.0.1', scheme: 'HTTP' },
  periodSeconds: 10,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
});

/** An app that is ready, or is not, and the sidecar before it. */
async function start({ isReady }: { readonly isReady: boolean }): Promise<RawBackend> {
  const app = await rig.app(async (exchange) => {
    if (exchange.path === '/healthz' && !isReady) return exchange.answer('no', '503 Service Unavailable');
    return answerOk(exchange);
  });
  await rig.start(app, { probe: appProbe(Number(new URL(app.url).port)) });
  return app;
}

function get(fields: string, path = '/'): Promise<RawAnswer> {
  return rig
    .client('GET')
    .write(rawRequest(path, null, fields, 'GET'))
    .answer();
}

/** Paths of the app that were asked for, but for its probe. */
const asked = (app: RawBackend) =>
  app.exchanges.map(({ path }) => path).filter((path) => path !== '/healthz');

describe.each(probers)('a probe by %s', (name) => {
  const by = `user-agent: ${name}\r\n`;

  it('is answered 200 and queue while the app is ready, and does not reach it', async () => {
    const app = await start({ isReady: true });
    const answer = await get(`${by}k-network-probe: queue\r\n`);
    expect(answer).toMatchObject({ status: 200, body: 'queue' });
    expect(asked(app)).toEqual([]);
  });

  it('is answered 503 while the app is not', async () => {
    const app = await start({ isReady: false });
    const answer = await get(`${by}k-network-probe: queue\r\n`);
    expect(answer).toMatchObject({ status: 503, body: '' });
    expect(asked(app)).toEqual([]);
  });

  it('without the field, or with another value, is answered 400 and says what it was', async () => {
    const app = await start({ isReady: true });
    for (const [fields, value] of [
      ['', ''],
      ['k-network-probe: probe\r\n', 'probe'],
      ['k-network-probe: Queue\r\n', 'Queue'],
    ]) {
      const answer = await get(`${by}${fields}`);
      expect(answer).toMatchObject({ status: 400, body: `unexpected probe header value: ${value}\n` });
    }
    expect(asked(app)).toEqual([]);
  });

  it('goes by the beginning of the name and not by its case', async () => {
    const app = await start({ isReady: true });
    const longer = await get(`user-agent: ${name}/7.1 (more)\r\nk-network-probe: queue\r\n`);
    expect(longer).toMatchObject({ status: 200, body: 'queue' });
    const other = await get(`user-agent: ${name.toUpperCase()}\r\nk-network-probe: queue\r\n`, '/cased');
    expect(other).toMatchObject({ status: 200, body: 'ok' });
    expect(asked(app)).toEqual(['/cased']);
  });
});

describe('a request of nobody who probes', () => {
  it.each(['', 'user-agent: curl/8.0\r\n', 'user-agent: Knative-Ingress-Probe\r\n'])(
    'goes to the app though it says K-Network-Probe: queue (%j)',
    async (by) => {
      const app = await start({ isReady: true });
      const answer = await get(`${by}k-network-probe: queue\r\n`, '/mine');
      expect(answer).toMatchObject({ status: 200, body: 'ok' });
      expect(asked(app)).toEqual(['/mine']);
    },
  );
});

describe('a probe of the network', () => {
  it('is answered 200 with its hash and does not reach the app', async () => {
    const app = await start({ isReady: false });
    const answer = await get('k-network-probe: probe\r\nk-network-hash: 5a3f\r\n');
    expect(answer.status).toBe(200);
    expect(answer.fields.get('k-network-hash')).toBe('5a3f');
    expect(app.exchanges).toEqual([]);
  });

  it('without a hash is answered 400', async () => {
    const app = await start({ isReady: true });
    const answer = await get('k-network-probe: probe\r\n');
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('K-Network-Hash');
    expect(app.exchanges).toEqual([]);
  });
});

it('probes pass whoever waits for a slot', async () => {
  const app = await rig.app((exchange) => (exchange.path === '/healthz' ? answerOk(exchange) : undefined));
  await rig.start(app, { concurrency: 1, probe: appProbe(Number(new URL(app.url).port)) });
  for (let count = 0; count < 3; count++) rig.client().write(rawRequest(`/${count}`));
  await app.exchange(0);
  const answer = await get('user-agent: kube-probe/1.36\r\nk-network-probe: queue\r\n');
  expect(answer).toMatchObject({ status: 200, body: 'queue' });
});
