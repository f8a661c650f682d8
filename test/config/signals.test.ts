import { describe, expect, it } from 'vitest';
import { faultsOf, fileWith, parse } from './parse.ts';

const model = (scale: string, backend = '') => fileWith({ model: `scale: { ${scale} }`, backend });
const signals = (scale: string) => parse(model(scale)).models.get('llama')!.revision.scale.signals;

describe('scale.signals', () => {
  it('is nothing by default, and nothing where all targets are 0', () => {
    expect(signals('max: 2')).toBeUndefined();
    expect(signals('signals: { queueDelay: 0, backend: { kvCache: 0 } }')).toBeUndefined();
  });

  it('holds a target for each signal that is looked at', () => {
    expect(signals('max: 2, signals: { queueDelay: 5s, backend: { waiting: 5, kvCache: 0.9 } }')).toEqual({
      queueDelayMs: 5_000,
      waitingPerReplica: null,
      firstTokenMs: null,
      backend: { waiting: 5, running: null, kvCache: 0.9 },
    });
    expect(signals('policy: kpa, signals: { firstToken: 2s, waitingPerReplica: 1.5 }')).toMatchObject({
      firstTokenMs: 2_000,
      waitingPerReplica: 1.5,
    });
  });

  it.each([
    [
      'a cache beyond full',
      'signals: { backend: { kvCache: 90 } }',
      'signals.backend.kvCache',
      'must be at most 1',
    ],
    [
      'a target below nothing',
      'signals: { waitingPerReplica: -1 }',
      'signals.waitingPerReplica',
      'at least 0',
    ],
    ['a time without its unit', 'signals: { queueDelay: 5 }', 'signals.queueDelay', 'must be a duration'],
  ])('refuses %s', (_, scale, key, message) => {
    const [fault] = faultsOf(model(scale));
    expect(fault?.path).toBe(`models.llama.scale.${key}`);
    expect(fault?.message).toContain(message);
  });

  it('is refused where it could raise no count', () => {
    const fixed = faultsOf(
      'models: { m: { backend: { driver: static, urls: ["http://a:1"] }, scale: { signals: { queueDelay: 5s } } } }',
    );
    const others = faultsOf(
      'models: { m: { backend: { driver: kubernetes, scaleTarget: deployment/m }, scale: { owner: external, signals: { queueDelay: 5s } } } }',
    );
    expect(fixed).toMatchObject([
      {
        path: 'models.m.scale.signals',
        message: 'does not apply to static: its replicas are there anyway',
      },
    ]);
    expect(others).toMatchObject([
      {
        path: 'models.m.scale.signals',
        message: 'does not apply where scale.owner is external: others say how many',
      },
    ]);
  });
});
