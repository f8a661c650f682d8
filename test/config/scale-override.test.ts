import { describe, expect, it } from 'vitest';
import { RunTimeScale } from '../../src/config/run-time-scale.ts';
import { overridden, patched, scaleDocument } from '../../src/config/scale-override.ts';
import type { ModelSettings } from '../../src/config/settings.ts';
import type { PilotlightError } from '../../src/core/errors.ts';
import { fileWith, parse } from './parse.ts';

const written = (scale: string, more = '') =>
  parse(fileWith({ model: `scale: { ${scale} }\n${more}` })).models.get('llama')!;

/** What holds with these keys laid over; fails where they are refused. */
function withKeys(settings: ModelSettings, overrides: Record<string, unknown>): ModelSettings {
  const reading = overridden(settings, overrides);
  if ('faults' in reading) throw new Error(JSON.stringify(reading.faults));
  return reading.settings;
}

describe('keys of scale that are laid over what is written', () => {
  it.each([
    ['min: 1, max: 4', { min: 2 }, 'min: 2, max: 4'],
    ['max: 4', { max: 1, idle: '90s' }, 'max: 1, idle: 90s'],
    ['idle: 10m', { idle: 'adaptive', coldStartCost: '1h' }, 'idle: adaptive, coldStartCost: 1h'],
    ['idle: adaptive', { idle: 0 }, 'idle: 0'],
    ['max: 4', { buffer: 1, minUp: '3m', maxStarting: 2 }, 'max: 4, buffer: 1, minUp: 3m, maxStarting: 2'],
    [
      'max: 4, schedules: [{ cron: "0 8 * * *", for: 1h, min: 1 }]',
      { schedules: [{ cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin', for: '8h', max: 2 }] },
      'max: 4, schedules: [{ cron: "0 9 * * 1-5", timeZone: Europe/Berlin, for: 8h, max: 2 }]',
    ],
    ['schedules: [{ cron: "0 8 * * *", for: 1h, min: 1 }]', { schedules: [] }, ''],
    [
      'policy: kpa, kpa: { window: 2m, podRetention: 1m }',
      { kpa: { window: '30s', metric: 'rps' } },
      'policy: kpa, kpa: { window: 30s, podRetention: 1m, metric: rps }',
    ],
    [
      'max: 3, signals: { queueDelay: 5s, backend: { waiting: 2, running: 9 } }',
      { signals: { backend: { waiting: 4 } } },
      'max: 3, signals: { queueDelay: 5s, backend: { waiting: 4, running: 9 } }',
    ],
    ['max: 3', { policy: 'kpa', kpa: { initialScale: 2 } }, 'max: 3, policy: kpa, kpa: { initialScale: 2 }'],
  ])('%s with %j is as %s in the file', (before, overrides, after) => {
    expect(withKeys(written(before), overrides)).toEqual(written(after));
  });

  it('leave the backend as it is, also where others filled something in', () => {
    const settings = written('max: 2');
    const backend = { ...settings.revision.backend, command: ['filled', 'in'] };
    const filled = { ...settings, revision: { ...settings.revision, backend } } as ModelSettings;
    const { revision } = withKeys(filled, { min: 1 });
    expect([revision.backend, revision.scale.min]).toEqual([backend, 1]);
  });

  it.each([
    ['max: 2', { min: 3 }, 'scale.min', 'must be at most scale.max, which is 2'],
    ['min: 2, max: 2', { max: 1 }, 'scale.min', 'must be at most scale.max, which is 1'],
    ['', { min: -1 }, 'scale.min', 'must be at least 0'],
    ['', { min: '1' }, 'scale.min', 'must be a number, not text'],
    ['', { idle: 30 }, 'scale.idle', 'must be a duration with its unit'],
    ['', { idel: '30s' }, 'scale.idel', 'is not a known key'],
    ['', { kpa: { window: '30s' } }, 'scale.kpa.window', 'applies to policy kpa only'],
    ['policy: kpa', { kpa: { window: '1s' } }, 'scale.kpa.window', 'must be at least 6s'],
    ['policy: kpa', { kpa: 3 }, 'scale.kpa', 'must be a map'],
    ['policy: kpa', { buffer: 1 }, 'scale.buffer', 'applies to policy cost-aware only'],
    [
      '',
      { schedules: [{ cron: '0 8 * * *', for: '1h' }] },
      'scale.schedules[0]',
      'must say min, max or both',
    ],
    ['', { owner: 'external' }, 'scale.owner', 'cannot be changed at run time'],
    ['', { capacityTimeout: '1m' }, 'scale.capacityTimeout', 'cannot be changed at run time'],
    ['', { gauge: true }, 'scale.gauge', 'cannot be changed at run time'],
    [
      '',
      { ladder: [{ name: 'x', suspend: { command: ['id'] } }] },
      'scale.ladder',
      'cannot be changed at run time',
    ],
    ['', { ramp: '10s' }, 'scale.ramp', 'cannot be changed at run time'],
    ['', JSON.parse('{"__proto__":{"min":1}}'), 'scale.__proto__', 'is not a known key'],
  ])('{ %s } with %j is refused at %s: %s', (before, patch, path, message) => {
    const scale = new RunTimeScale(written(before));
    let thrown: unknown;
    try {
      scale.patch(patch);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'invalid_settings', param: path });
    expect((thrown as PilotlightError).message).toContain(`${path}: ${message}`);
    expect(scale.view()).toEqual(new RunTimeScale(written(before)).view());
  });

  it('are refused whole with every fault at once', () => {
    const scale = new RunTimeScale(written('max: 2'));
    expect(() => scale.patch({ max: 0, idle: 'soon', minUp: '1m' })).toThrow(
      /^scale\.max: must be at least 1; scale\.idle: must be a duration/,
    );
    expect(scale.overrides).toEqual({});
  });

  it.each([[null], [3], ['min'], [[{ min: 1 }]]])('are a map, not %j', (patch) => {
    expect(() => new RunTimeScale(written('')).patch(patch)).toThrow('scale: must be a map');
  });

  it('are refused soon however many there are', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, 1]));
    const startMs = performance.now();
    expect(() => new RunTimeScale(written('')).patch(many)).toThrow('scale.k4999: is not a known key');
    // One look at the schema for each would take minutes.
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  it('are refused however deep they nest', () => {
    const deep = `${'{"kpa":'.repeat(8_000)}1${'}'.repeat(8_000)}`;
    const scale = new RunTimeScale(written('policy: kpa'));
    expect(() => scale.patch(JSON.parse(deep))).toThrow('scale.kpa.kpa: is not a known key');
  });
});

describe('a merge patch', () => {
  it.each([
    [{}, { min: 1 }, { min: 1 }],
    [{ min: 1 }, { max: 2 }, { min: 1, max: 2 }],
    [{ min: 1, max: 2 }, { min: null }, { max: 2 }],
    [{ min: 1 }, { max: null }, { min: 1 }],
    [{ kpa: { window: '1m' } }, { kpa: { target: 3 } }, { kpa: { window: '1m', target: 3 } }],
    [{ kpa: { window: '1m', target: 3 } }, { kpa: { window: null } }, { kpa: { target: 3 } }],
    [{ kpa: { window: '1m' } }, { kpa: { window: null } }, {}],
    [{ kpa: { window: '1m' } }, { kpa: null }, {}],
    [{ schedules: [{ cron: 'a' }, { cron: 'b' }] }, { schedules: [] }, { schedules: [] }],
    [{ idle: '1m' }, {}, { idle: '1m' }],
  ])('of %j with %j is %j', (before, patch, after) => {
    expect(patched(before, patch)).toEqual(after);
  });
});

describe('what an operator changed at run time', () => {
  it('goes back key by key to what is written at that moment', () => {
    const scale = new RunTimeScale(written('min: 1, max: 4'));
    scale.patch({ min: 2, max: 3 });
    scale.take(written('min: 1, max: 5'));
    expect(scale.patch({ max: null }).revision.scale).toMatchObject({ min: 2, max: 5 });
    expect(scale.overrides).toEqual({ min: 2 });
    expect(scale.reset().revision.scale).toMatchObject({ min: 1, max: 5 });
    expect(scale.overrides).toEqual({});
  });

  it('is kept and does not hold where a changed file makes it impossible, until another makes it possible', () => {
    const scale = new RunTimeScale(written('max: 4'));
    scale.patch({ min: 3 });
    expect(scale.take(written('max: 2')).revision.scale).toMatchObject({ min: 0, max: 2 });
    expect(scale.view()).toMatchObject({
      scale: { min: 0, max: 2 },
      overrides: { min: 3 },
      overridesFault: 'scale.min: must be at most scale.max, which is 2',
    });
    expect(scale.take(written('max: 5')).revision.scale).toMatchObject({ min: 3, max: 5 });
    expect(scale.fault).toBeNull();
  });

  it('can be mended by a patch where a changed file made it impossible', () => {
    const scale = new RunTimeScale(written('max: 4'));
    scale.patch({ min: 3 });
    scale.take(written('max: 2'));
    expect(() => scale.patch({ buffer: 1 })).toThrow('scale.min: must be at most scale.max, which is 2');
    expect(scale.patch({ max: 3 }).revision.scale).toMatchObject({ min: 3, max: 3 });
    expect(scale.fault).toBeNull();
  });
});

describe('scale as it is shown', () => {
  it.each([
    '',
    'min: 2, max: 7, idle: 90m, minUp: 1500ms, buffer: 2, maxStarting: 3',
    'idle: adaptive, coldStartCost: 40m, schedules: [{ cron: "0 8 * * *", timeZone: Europe/Berlin, for: 90m, min: 1 }]',
    'policy: kpa, max: 3, kpa: { window: 2m, scaleDownDelay: 30s, target: 2.5, targetBurstCapacity: -1 }',
  ])('{ %s } is what the file could have said', (scale) => {
    const document = scaleDocument(written(scale)) as Record<string, unknown>;
    const again = written(JSON.stringify(document).slice(1, -1));
    expect(again.revision).toEqual(written(scale).revision);
  });

  it('has text for durations and every default filled in', () => {
    expect(scaleDocument(written('max: 2, minUp: 90s'))).toMatchObject({
      ...{ min: 0, max: 2, idle: '5m', minUp: '1m30s', buffer: 0, policy: 'cost-aware' },
      kpa: { window: '1m' },
    });
  });
});
