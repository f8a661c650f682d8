import { describe, expect, it } from 'vitest';
import { StartHistory } from '../../src/activation/start-history.ts';
import type { FakeDriverOptions } from '../support/fake-driver.ts';
import { defaults, Harness } from './harness.ts';

const warmUp = { requests: [{ path: '/v1/completions', body: '{}' }], timeoutMs: 60_000, headers: {} };
const warming = { ...defaults, ready: { ...defaults.ready, warmUp } };

/** A replica that has been asked for, runs, and passes its probe. */
async function passing(h: Harness, hangs = true): Promise<string> {
  h.prober.isWarmingHanging = hangs;
  h.enter();
  await h.clock.settle();
  const id = h.driver.living.at(-1)!;
  h.driver.run(id, h.clock.nowMs());
  h.prober.state = 'ready';
  await h.clock.advance(1_000);
  return id;
}

const stepsOf = (h: Harness) => h.activator.snapshot().lastStarts[0]!.steps.map(({ name }) => name);

describe('a fresh replica that is to be warmed', () => {
  it('takes requests only when it was, and its start lasts so long', async () => {
    const h = new Harness(warming);
    await passing(h);
    expect(h.gate.open).toEqual([]);
    expect(h.activator.wakeInfo()).toMatchObject({ state: 'starting', step: 'warming' });
    await h.clock.advance(9_000);
    h.prober.release();
    await h.clock.settle();
    expect(h.gate.open).toEqual(['r1']);
    expect(h.prober.warmed).toEqual(['http://127.0.0.1/r1']);
    expect(stepsOf(h).slice(-3)).toEqual(['warming', 'warmed', 'ready']);
    const { totalMs } = h.event('ready')!;
    expect(totalMs).toBeGreaterThanOrEqual(9_000);
    expect(h.activator.learned().starts[0]?.totalMs).toBe(totalMs);
  });

  it('takes them also where that failed, and the reason is told', async () => {
    const h = new Harness(warming);
    h.prober.warmUpFailure = 'POST /v1/completions: 500 CUDA error';
    await passing(h, false);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.activator.snapshot().lastStarts[0]?.steps).toContainEqual(
      expect.objectContaining({ name: 'warm-up failed', detail: 'POST /v1/completions: 500 CUDA error' }),
    );
    expect(h.activator.learned().starts[0]?.steps.every((step) => !('detail' in step))).toBe(true);
  });

  it('is not probed meanwhile, and not late for being warmed', async () => {
    const h = new Harness(warming);
    const id = await passing(h);
    const { count } = h.prober;
    h.driver.change(id, {});
    await h.clock.advance(defaults.ready.startupMs);
    expect(h.prober.count).toBe(count);
    expect(h.event('start-failed')).toBeUndefined();
    h.prober.release();
    await h.clock.settle();
    expect(h.gate.open).toEqual(['r1']);
  });

  it('that ends while it is warmed is a failed start, and no request is left', async () => {
    const h = new Harness(warming);
    const id = await passing(h);
    h.driver.exit(id, 'exited with code 137');
    await h.clock.settle();
    expect(h.event('start-failed')).toMatchObject({ phase: 'warming', reason: 'exited with code 137' });
    expect(h.prober.pending).toBe(0);
  });

  it('has to pass its probe once more, and has the time of a start for it', async () => {
    const h = new Harness(warming);
    await passing(h);
    h.prober.state = 'unreachable';
    h.prober.release();
    await h.clock.advance(defaults.ready.startupMs - 2_000);
    expect(h.gate.open).toEqual([]);
    expect(h.event('start-failed')).toBeUndefined();
    await h.clock.advance(3_000);
    expect(h.event('start-failed')).toBeDefined();
    expect(h.prober.warmed).toHaveLength(1);
  });

  it('is not warmed again when it was taken out and comes back', async () => {
    const h = new Harness(warming);
    await passing(h, false);
    h.activator.report('r1', 'refused');
    await h.clock.advance(1_000);
    expect(h.event('reinstated')).toBeDefined();
    expect(h.prober.warmed).toHaveLength(1);
  });

  it('is warmed by its own address, wherever it is probed', async () => {
    const h = new Harness(warming);
    h.enter();
    await h.clock.settle();
    h.driver.change('r1', { probe: { kind: 'http', origin: 'http://127.0.0.1:81', path: '/ready' } });
    h.prober.state = 'ready';
    h.driver.run('r1');
    await h.clock.advance(1_000);
    expect(h.prober.warmed).toEqual(['http://127.0.0.1/r1']);
  });

  it('is not warmed by an address that leads to others as well', async () => {
    const h = new Harness(warming);
    h.enter();
    await h.clock.settle();
    h.driver.change('r1', { isShared: true });
    h.prober.state = 'ready';
    h.driver.run('r1');
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.prober.warmed).toEqual([]);
  });

  it('is not warmed where nobody asks for it', async () => {
    const h = new Harness();
    await passing(h);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.prober.warmed).toEqual([]);
  });
});

describe('a replica that is there by itself', () => {
  const found = (driver: FakeDriverOptions) => {
    const h = new Harness(warming, driver);
    h.driver.add();
    return h;
  };

  it('is not warmed where it serves already when the gateway comes', async () => {
    const h = found({ replacesLost: true, desired: 1 });
    h.prober.state = 'ready';
    h.driver.run('r1');
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.prober.warmed).toEqual([]);
  });

  it('is warmed where somebody else started it and it is still loading', async () => {
    const h = found({ replacesLost: true, desired: 1 });
    h.prober.state = 'loading';
    h.driver.run('r1');
    await h.clock.advance(1_000);
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.prober.warmed).toEqual(['http://127.0.0.1/r1']);
  });

  it('is warmed where its URL is fixed, since that was asked for', async () => {
    const h = found({ isFixed: true });
    h.prober.state = 'ready';
    h.driver.run('r1');
    await h.clock.advance(6_000);
    expect(h.prober.warmed).toEqual(['http://127.0.0.1/r1']);
  });
});

it('the probe is expected to pass before the warm-up, and requests to be taken after it', () => {
  const history = new StartHistory();
  const steps = [
    { name: 'loading', offsetMs: 10 },
    { name: 'warming', offsetMs: 1_000 },
    { name: 'warmed', offsetMs: 4_990 },
  ];
  history.add({ totalMs: 5_000, steps });
  expect(history.learned()?.medianMs).toBe(5_000);
  expect(history.learnedProbe()?.medianMs).toBe(1_000);
  history.seed([{ totalMs: 700, steps: [] }]);
  expect(history.learnedProbe()?.earlyMs).toBe(700);
});
