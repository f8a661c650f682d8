import { describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

/** What the app sees of a request with these lines. */
async function seen(lines: string): Promise<ReadonlyMap<string, string>> {
  const app = await rig.app(answerOk);
  await rig.start(app);
  const { status } = await rig
    .client()
    .write(rawRequest('/', 'x', lines))
    .answer();
  expect(status).toBe(200);
  return app.exchanges[0]!.head.fields;
}

describe('Host', () => {
  it('is what the client said', async () => {
    expect((await seen('')).get('host')).toBe('gateway');
  });

  it('is restored from K-Original-Host, which is taken away', async () => {
    const fields = await seen('K-Original-Host: hello.default.example.com\r\n');
    expect(fields.get('host')).toBe('hello.default.example.com');
    expect(fields.has('k-original-host')).toBe(false);
  });

  it('stays where K-Original-Host is empty', async () => {
    expect((await seen('K-Original-Host:\r\n')).get('host')).toBe('gateway');
  });
});

it('fields of the revision do not reach the app', async () => {
  const fields = await seen(
    'Knative-Serving-Namespace: default\r\nKnative-Serving-Revision: hello-00001\r\n',
  );
  expect([...fields.keys()].filter((name) => name.startsWith('knative-'))).toEqual([]);
});

it('those of the route do', async () => {
  const fields = await seen(
    'Knative-Serving-Tag: blue\r\nKnative-Serving-Default-Route: false\r\nK-Proxy-Request: activator\r\n',
  );
  expect(fields.get('knative-serving-tag')).toBe('blue');
  expect(fields.get('knative-serving-default-route')).toBe('false');
  expect(fields.get('k-proxy-request')).toBe('activator');
});

describe('Forwarded', () => {
  it.each([
    ['X-Forwarded-For: 192.0.2.1\r\n', 'for=192.0.2.1'],
    ['X-Forwarded-For: 192.0.2.1, 198.51.100.7\r\n', 'for=192.0.2.1, for=198.51.100.7'],
    ['X-Forwarded-For: 2001:db8::1\r\n', 'for="[2001:db8::1]"'],
    [
      'X-Forwarded-For: 192.0.2.1,2001:db8::1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example.com\r\n',
      'for=192.0.2.1;host=a.example.com;proto=https, for="[2001:db8::1]"',
    ],
    ['X-Forwarded-Proto: http\r\n', 'proto=http'],
    ['X-Forwarded-Host: a.example.com\r\n', 'host=a.example.com'],
    ['X-Forwarded-Host: a.example.com\r\nX-Forwarded-Proto: https\r\n', 'host=a.example.com;proto=https'],
  ])('is put together from %j', async (lines, forwarded) => {
    expect((await seen(lines)).get('forwarded')).toBe(forwarded);
  });

  it('is left as it is where there is one', async () => {
    const fields = await seen('Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 192.0.2.1\r\n');
    expect(fields.get('forwarded')).toBe('for=203.0.113.9');
  });

  it('is not there where nothing was forwarded', async () => {
    expect((await seen('')).has('forwarded')).toBe(false);
  });

  it('the X-Forwarded fields reach the app, with the address of the one who asked here', async () => {
    const fields = await seen('X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n');
    expect(fields.get('x-forwarded-for')).toBe('192.0.2.1, 127.0.0.1');
    expect(fields.get('x-forwarded-proto')).toBe('https');
  });
});

describe('fields of one connection', () => {
  it('do not reach the app', async () => {
    const fields = await seen(
      'Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: x\r\nProxy-Connection: close\r\nTE: gzip\r\n',
    );
    const names = ['x-mine', 'keep-alive', 'proxy-connection', 'te', 'proxy-authorization'];
    expect(names.filter((name) => fields.has(name))).toEqual([]);
  });

  it('of the app do not reach the client', async () => {
    const app = await rig.app((exchange) =>
      exchange.answer(
        'ok',
        '200 OK',
        'connection: keep-alive, x-mine\r\nx-mine: 1\r\nkeep-alive: timeout=5\r\nx-yours: 2\r\n',
      ),
    );
    await rig.start(app);
    const { fields } = await rig.client().write(rawRequest('/', 'x')).answer();
    expect(['x-mine', 'keep-alive'].filter((name) => fields.has(name))).toEqual([]);
    expect(fields.get('x-yours')).toBe('2');
  });
});

it('nothing is made up about the client or the answer', async () => {
  const fields = await seen('');
  expect(['user-agent', 'accept-encoding', 'accept'].filter((name) => fields.has(name))).toEqual([]);
});

it('several fields of a name stay in their order', async () => {
  const app = await rig.app((exchange) =>
    exchange.answer('ok', '200 OK', 'set-cookie: a=1\r\nset-cookie: b=2\r\n'),
  );
  await rig.start(app);
  const { fields } = await rig
    .client()
    .write(rawRequest('/', 'x', 'x-list: a\r\nx-list: b\r\n'))
    .answer();
  expect(app.exchanges[0]!.head.fields.get('x-list')).toBe('a, b');
  expect(fields.get('set-cookie')).toBe('a=1, b=2');
});
