import { describe, expect, it } from 'vitest';
import { faultsOf, fileWith, parse } from './parse.ts';

const readyOf = (warmUp: string, model = '') =>
  parse(fileWith({ model, backend: `headers: { X-Key: k }\nready: { warmUp: ${warmUp} }` })).models.get(
    'llama',
  )!.revision.ready;

describe('ready.warmUp', () => {
  it('is none by default', () => {
    expect(parse(fileWith({})).models.get('llama')!.revision.ready).not.toHaveProperty('warmUp');
    expect(readyOf('none')).not.toHaveProperty('warmUp');
  });

  it('auto asks for one token of the model by the name that the backend knows', () => {
    const { warmUp } = readyOf('auto', 'sendModel: org/llama');
    expect(warmUp).toMatchObject({ timeoutMs: 60_000, headers: { 'x-key': 'k' } });
    const bodies = warmUp!.requests.map(({ path, body }) => [path, JSON.parse(body!)]);
    expect(bodies).toEqual([
      ['/v1/completions', { model: 'org/llama', prompt: 'Hi', max_tokens: 1 }],
      [
        '/v1/chat/completions',
        { model: 'org/llama', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 },
      ],
      ['/v1/embeddings', { model: 'org/llama', input: 'Hi' }],
    ]);
    expect(JSON.parse(readyOf('auto').warmUp!.requests[0]!.body!)).toMatchObject({ model: 'llama' });
  });

  it('may be written, with a body or without', () => {
    expect(readyOf('{ path: /warm }').warmUp).toMatchObject({
      requests: [{ path: '/warm', body: null }],
      timeoutMs: 60_000,
    });
    const { warmUp } = readyOf('{ path: /tts, body: { text: a, voice: { id: 1 } }, timeout: 2m }');
    expect(warmUp!.timeoutMs).toBe(120_000);
    expect(JSON.parse(warmUp!.requests[0]!.body!)).toEqual({ text: 'a', voice: { id: 1 } });
  });

  it('goes with tcp, and with the probe of a pod', () => {
    const tcp = parse(fileWith({ backend: 'ready: { tcp: true, warmUp: auto }' }));
    expect(tcp.models.get('llama')!.revision.ready).toMatchObject({ kind: 'tcp', warmUp: {} });
    const pod = parse(
      'models: { m: { backend: { driver: kubernetes, scaleTarget: deployment/m, ready: { warmUp: auto } } } }',
    );
    expect(pod.models.get('m')!.revision).toMatchObject({
      backend: { probeFrom: 'pod' },
      ready: { warmUp: {} },
    });
  });

  it.each([
    ['yes', 'must be none, auto, or { path, body, timeout }'],
    ['{ path: warm }', 'must begin with /'],
    ['{ body: {} }', 'is required'],
  ])('refuses %s', (written, message) => {
    const faults = faultsOf(fileWith({ backend: `ready: { warmUp: ${written} }` }));
    expect(faults.map((fault) => fault.message).join()).toContain(message);
    expect(faults[0]!.path).toContain('warmUp');
  });
});
