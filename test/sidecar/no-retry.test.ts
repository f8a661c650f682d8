import { describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { answerOf, ask, openSession, startH2App } from './support/h2-app.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { itsOwn } from './support/under-test.ts';

const rig = useSidecarRig();

async function overUsedConnection(method: string): Promise<void> {
  const app = await rig.app(async (exchange) => {
    if (exchange.path === '/first') return answerOk(exchange);
    await exchange.whole();
    exchange.reset();
  });
  await rig.start(app);
  expect(await rig.client().write(rawRequest('/first', 'x')).answer()).toMatchObject({ status: 200 });
  expect(
    await rig
      .client()
      .write(rawRequest('/second', method === 'GET' ? null : 'x', '', method))
      .answer(),
  ).toMatchObject({ status: 502 });
  expect(app.exchanges.map(({ path }) => path)).toEqual(['/first', '/second']);
}

describe('a request is sent to the app once', () => {
  it.each(['GET', 'PUT', 'POST'])('%s: whose connection is reset is 502', async (method) => {
    const app = await rig.app((exchange) => exchange.reset());
    await rig.start(app);
    const body = method === 'GET' ? null : 'x';
    const answer = await rig
      .client()
      .write(rawRequest('/', body, '', method))
      .answer();
    expect(answer.status).toBe(502);
    expect(app.exchanges).toHaveLength(1);
  });

  it('POST: over a connection that was used before', () => overUsedConnection('POST'));

  // Go's client sends it a second time.
  itsOwn('GET: over a connection that was used before', () => overUsedConnection('GET'));

  it('an answer of 500 or 503 is passed on', async () => {
    const app = await rig.app((exchange) =>
      exchange.answer('no', '503 Service Unavailable', 'retry-after: 1\r\n'),
    );
    await rig.start(app);
    const answer = await rig.client().write(rawRequest('/', 'x')).answer();
    expect(answer).toMatchObject({ status: 503, body: 'no' });
    expect(answer.fields.get('retry-after')).toBe('1');
    expect(app.exchanges).toHaveLength(1);
  });

  it('over HTTP/2: whose stream is reset is 502', async () => {
    const app = await startH2App((stream) => stream.close(2));
    rig.onClose(() => app.close());
    const sidecar = await rig.start(app.port);
    const session = await openSession(sidecar.url);
    rig.onClose(() => session.destroy());
    const answer = await answerOf(ask(session, {}));
    expect(answer.headers).toMatchObject({ ':status': 502 });
    expect(app.seen).toHaveLength(1);
  });
});
