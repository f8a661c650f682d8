import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { projectionOf } from '../../src/discovery/projection.ts';
import { keyOf, readObject } from '../../src/discovery/reading.ts';
import { sourceKinds } from '../../src/discovery/vocabulary.ts';
import { goodSpec } from './rig.ts';

const modelSource = sourceKinds[0]!;
const metadata = { uid: 'u', namespace: 'llm', name: 'llama', resourceVersion: '1' };

describe('whatever an object holds', () => {
  it('is projected without an exception', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...sourceKinds), (object, source) => {
        projectionOf(source)(object);
        projectionOf(source)({ metadata: object });
        projectionOf(source)({ metadata: { ...metadata, annotations: object, ownerReferences: object } });
      }),
    );
  });

  it('is a model or a list of faults, each with a message, and never an exception', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, name) => {
        for (const spec of [value, { ...goodSpec('x'), scale: value }, { backend: value }]) {
          const object = { metadata: { ...metadata, name }, spec };
          const { outcome } = readObject(projectionOf(modelSource)(object)!, undefined);
          if ('settings' in outcome) expect(outcome.settings.name).toBe(name);
          else expect(outcome.faults.every(({ message }) => message !== '')).toBe(true);
        }
      }),
    );
  });

  it('is read again only when what describes the model changed', () => {
    const project = projectionOf(modelSource);
    const first = project({ metadata, spec: goodSpec('x'), status: { phase: 'Cold' } })!;
    const reading = readObject(first, undefined);
    const later = { ...metadata, resourceVersion: '2' };
    expect(readObject(project({ metadata: later, spec: goodSpec('x') })!, reading)).toBe(reading);
    expect(readObject(project({ metadata: later, spec: goodSpec('y') })!, reading)).not.toBe(reading);
    const other = project({ metadata: { ...later, uid: 'v' }, spec: goodSpec('x') })!;
    expect(readObject(other, reading)).not.toBe(reading);
    expect(keyOf(first)).toBe('model llm/llama');
  });

  it('of a workload includes what Knative says of its scale, and is read again when that changed', () => {
    const project = projectionOf(sourceKinds[1]!);
    const withWindow = (window: string) => {
      const annotations = {
        'pilotlight.dev/model': 'm',
        'autoscaling.knative.dev/window': window,
        'x.dev/y': 'z',
      };
      return project({ metadata: { ...metadata, annotations } })!;
    };
    const reading = readObject(withWindow('90s'), undefined);
    expect(reading.outcome).toMatchObject({
      settings: { revision: { scale: { policy: 'kpa', kpa: { stableWindowMs: 90_000 } } } },
    });
    expect(readObject(withWindow('1s'), reading).outcome).toMatchObject({
      faults: [{ path: 'autoscaling.knative.dev/window', message: expect.stringContaining('from 6s to 1h') }],
    });
  });

  it('is none while it is being deleted', () => {
    const leaving = { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(projectionOf(modelSource)({ metadata: leaving, spec: goodSpec('x') })).toBeNull();
  });
});
