import { describe, expect, it } from 'vitest';
import { goDurationMs, goInteger, goNumber } from '../../src/config/go-values.ts';
import { readKpaAnnotations } from '../../src/config/kpa-annotations.ts';

const prefix = 'autoscaling.knative.dev/';
const read = (annotations: Record<string, string>) =>
  readKpaAnnotations(
    Object.fromEntries(Object.entries(annotations).map(([name, text]) => [prefix + name, text])),
  );
const keysOf = (annotations: Record<string, string>) =>
  Object.fromEntries(read(annotations).keys.map(({ path, value }) => [path.join('.'), value]));

describe("Knative's annotations", () => {
  it('stand for keys of the model, and make its policy kpa', () => {
    expect(
      keysOf({
        class: 'kpa.autoscaling.knative.dev',
        metric: 'rps',
        'min-scale': '1',
        'max-scale': '10',
        'initial-scale': '3',
        'activation-scale': '2',
        'scale-down-delay': '15m',
        'scale-to-zero-pod-retention-period': '1m5s',
        window: '40s',
        target: '150.5',
        'target-utilization-percentage': '80',
        'target-burst-capacity': '-1',
        'panic-window-percentage': '20.0',
        'panic-threshold-percentage': '150.0',
        'metric-aggregation-algorithm': 'weightedExponential',
      }),
    ).toEqual({
      'scale.policy': 'kpa',
      'scale.min': 1,
      'scale.max': 10,
      'scale.kpa.metric': 'rps',
      'scale.kpa.initialScale': 3,
      'scale.kpa.activationScale': 2,
      'scale.kpa.scaleDownDelay': '15m',
      'scale.kpa.podRetention': '1m5s',
      'scale.kpa.window': '40s',
      'scale.kpa.target': 150.5,
      'scale.kpa.targetUtilizationPercentage': 80,
      'scale.kpa.targetBurstCapacity': -1,
      'scale.kpa.panicWindowPercentage': 20,
      'scale.kpa.panicThresholdPercentage': 150,
      'scale.kpa.aggregation': 'weighted-exponential',
    });
  });

  it('are nothing where there are none, and kpa where there is any', () => {
    expect(readKpaAnnotations({ 'pilotlight.dev/model': 'm', 'example.com/window': '1' })).toEqual({
      keys: [],
      faults: [],
    });
    expect(keysOf({ window: '60s' })).toEqual({ 'scale.policy': 'kpa', 'scale.kpa.window': '1m' });
  });

  it('may be in the older spelling, of which the newer goes first', () => {
    expect(keysOf({ maxScale: '4', 'min-scale': '2', minScale: '3' })).toMatchObject({
      'scale.min': 2,
      'scale.max': 4,
    });
  });

  it('may say no limit, nothing to begin with, and no average in particular', () => {
    expect(keysOf({ 'max-scale': '0', 'initial-scale': '0', 'metric-aggregation-algorithm': '' })).toEqual({
      'scale.policy': 'kpa',
      'scale.max': 2_147_483_647,
      'scale.kpa.initialScale': 0,
      'scale.kpa.aggregation': 'linear',
    });
  });

  it('may be at the ends of their ranges', () => {
    const ends = [
      { window: '6s', target: '0.01', 'panic-window-percentage': '1', 'panic-threshold-percentage': '110' },
      { window: '1h', 'panic-window-percentage': '100', 'panic-threshold-percentage': '1000' },
      { 'target-utilization-percentage': '1', 'scale-down-delay': '0s', 'target-burst-capacity': '0' },
      { 'target-utilization-percentage': '100', 'scale-down-delay': '3600s', 'activation-scale': '2' },
      { 'scale-to-zero-pod-retention-period': '1h', 'max-scale': '2147483647' },
      { 'min-scale': '2', 'activation-scale': '2', 'max-scale': '2' },
      { 'min-scale': '5', 'max-scale': '0' },
    ];
    expect(ends.flatMap((end) => read(end).faults)).toEqual([]);
  });

  it.each([
    ['class', 'hpa.autoscaling.knative.dev', 'does not measure; only kpa.autoscaling.knative.dev is decided'],
    ['class', 'foo.knative.dev', 'is no class of Knative'],
    ['class', 'keda.example.com', 'or let its autoscaler own the count with pilotlight.dev/owner: external'],
    ['metric', 'cpu', 'must be concurrency or rps: the gateway does not measure cpu'],
    ['metric', 'memory', 'the gateway does not measure memory'],
    ['metric', 'qps', 'must be concurrency or rps'],
    ['min-scale', '-1', 'must be a whole number from 0 to 2147483647'],
    ['min-scale', '1.5', 'must be a whole number from 0 to 2147483647'],
    ['max-scale', '2147483648', 'must be a whole number from 0 to 2147483647; 0 is without limit'],
    ['max-scale', '', 'must be a whole number'],
    ['initial-scale', '-1', '0 starts none until somebody asks'],
    ['activation-scale', '1', 'must be a whole number from 2 up; leave the annotation out for 1'],
    ['activation-scale', 'two', 'must be a whole number from 2 up'],
    ['scale-down-delay', '1h1s', 'must be a duration from 0s to 1h, such as 90s'],
    ['scale-down-delay', '-1s', 'must be a duration from 0s to 1h'],
    ['scale-down-delay', '1.5s', 'must be whole seconds'],
    ['scale-down-delay', '30', 'must be a duration from 0s to 1h'],
    ['scale-to-zero-pod-retention-period', '61m', 'must be a duration from 0s to 1h'],
    ['window', '5s', 'must be a duration from 6s to 1h'],
    ['window', '61m', 'must be a duration from 6s to 1h'],
    ['window', '6500ms', 'must be whole seconds'],
    ['target', '0', 'must be a number from 0.01 up'],
    ['target', 'NaN', 'must be a number from 0.01 up'],
    ['target-utilization-percentage', '0.5', 'must be a number from 1 to 100'],
    ['target-utilization-percentage', '101', 'must be a number from 1 to 100'],
    ['target-burst-capacity', '-2', 'or -1 for bursts without limit'],
    ['panic-window-percentage', '0.9', 'must be a number from 1 to 100, of the window'],
    ['panic-threshold-percentage', '109', 'must be a number from 110 to 1000, of the target'],
    ['panic-threshold-percentage', '1001', 'must be a number from 110 to 1000'],
    ['metric-aggregation-algorithm', 'median', 'must be linear or weighted-exponential'],
    ['min-scal', '1', 'did you mean autoscaling.knative.dev/min-scale?'],
  ])('%s: %s is refused by its name', (name, text, message) => {
    expect(read({ [name]: text })).toEqual({
      keys: [],
      faults: [{ annotation: prefix + name, message: expect.stringContaining(message) }],
    });
  });

  it('must go together', () => {
    const faultsOf = (annotations: Record<string, string>) =>
      read(annotations).faults.map(
        ({ annotation, message }) => `${annotation.slice(prefix.length)} ${message}`,
      );
    expect(faultsOf({ 'min-scale': '3', 'max-scale': '2' })).toEqual([
      `max-scale must be at least ${prefix}min-scale, which is 3: change one of them`,
    ]);
    expect(faultsOf({ 'min-scale': '3', 'activation-scale': '2' })).toEqual([
      `activation-scale must be at least ${prefix}min-scale, which is 3: change one of them`,
    ]);
    expect(faultsOf({ 'activation-scale': '5', 'max-scale': '4' })).toEqual([
      `activation-scale must be at most ${prefix}max-scale, which is 4: change one of them`,
    ]);
  });

  it('that are not known and like none are passed over', () => {
    expect(read({ 'somewhere-in-the-future': 'x' })).toEqual({ keys: [], faults: [] });
  });
});

describe("Go's values", () => {
  it.each([
    ['1h30m', 5_400_000],
    ['1.5m', 90_000],
    ['.5s', 500],
    ['250ms', 250],
    ['1500us', 1.5],
    ['1500µs', 1.5],
    ['0', 0],
    ['-2s', -2_000],
    ['+2s', 2_000],
    ['2', null],
    ['', null],
    ['s', null],
    ['1d', null],
    ['1s ', null],
  ])('the duration %s is %s ms', (text, ms) => {
    expect(goDurationMs(text)).toBe(ms);
  });

  it('numbers and whole numbers are read as they are written', () => {
    expect(['1', '-1.5', '1e3', '.5', '1.'].map(goNumber)).toEqual([1, -1.5, 1_000, 0.5, 1]);
    expect(['', 'x', '1x', 'Inf', '0x10', '1e999'].map(goNumber)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(['1', '+2', '-3', '007'].map(goInteger)).toEqual([1, 2, -3, 7]);
    expect(['', '1.0', '1e3', ' 1'].map(goInteger)).toEqual([null, null, null, null]);
  });
});
