import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createModelReporter, type ModelReporter } from '../../src/discovery/model-reporter.ts';
import type { ModelReport } from '../../src/discovery/model-status.ts';
import { FakeLeadership } from '../support/fake-leadership.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { discover, goodSpec, modelsPath, startCluster } from './rig.ts';

const { signal } = new AbortController();
const report: ModelReport = {
  key: 'model llm/llama',
  refusal: null,
  ...{ phase: 'cold', replicas: 0, readyReplicas: 0, waiting: 0, inFlight: 0 },
  ...{ lastColdStart: null, etaMs: null, step: null, reason: null, conditions: [] },
};
const path = `${modelsPath}/llama`;
let cluster: Awaited<ReturnType<typeof startCluster>>;
let rig: ReturnType<typeof discover>;
let leadership: FakeLeadership;
let clock: ManualClock;
let faults: string[];
let reporter: ModelReporter;

beforeEach(async () => {
  cluster = await startCluster();
  cluster.server.put(path, { spec: goodSpec('llama') });
  rig = discover(cluster);
  await rig.discovery.settled(10_000, signal);
  leadership = new FakeLeadership();
  clock = new ManualClock();
  faults = [];
  reporter = createModelReporter({
    ...{ api: cluster.api, clock, leadership },
    objectOf: (key) => rig.discovery.objectOf(key),
    onFault: ({ message }) => faults.push(message),
  });
});
afterEach(async () => {
  await reporter.close();
  await rig.discovery.close();
  await cluster.close();
});

type Status = { phase?: string; waiting?: number; conditions?: Record<string, unknown>[] };
const status = () => (cluster.server.get(path)?.status ?? {}) as Status;
const writes = () => cluster.server.requests.filter(({ verb }) => verb === 'patch').length;

/** Moves the clock, and lets the writes that fall due be answered and seen by the mirror. */
async function pass(ms: number, phase: string) {
  await clock.advance(ms);
  await expect.poll(() => status().phase).toBe(phase);
  await expect
    .poll(() => rig.discovery.objectOf(report.key)?.status)
    .toEqual(cluster.server.get(path)?.status);
}

describe('the status of a Model object', () => {
  it('is written once for what does not change', async () => {
    reporter.update(report);
    await pass(0, 'cold');
    for (let n = 0; n < 5; n++) {
      reporter.update(report);
      await clock.advance(10_000);
    }
    expect(writes()).toBe(1);
    const types = status().conditions?.map(({ type, status: holds }) => `${type}=${holds}`);
    expect(types).toEqual(['Accepted=True', 'Ready=False']);
  });

  it('tells a phase within a second, and counts of requests each five', async () => {
    reporter.update(report);
    await pass(0, 'cold');
    reporter.update({ ...report, waiting: 3 });
    await clock.advance(4_000);
    expect(writes()).toBe(1);
    await clock.advance(1_500);
    await expect.poll(() => status().waiting).toBe(3);
    reporter.update({ ...report, waiting: 4, phase: 'starting' });
    await pass(1_000, 'starting');
    expect(status().waiting).toBe(4);
  });

  it('names the faults of a refused model, and is healed with its time of change', async () => {
    const faulty = { path: 'spec.scale.max', message: 'must be a number' };
    reporter.update({ ...report, phase: 'refused', refusal: { reason: 'Invalid', faults: [faulty] } });
    await pass(0, 'refused');
    const accepted = () => status().conditions?.find(({ type }) => type === 'Accepted');
    expect(accepted()).toMatchObject({
      ...{ status: 'False', reason: 'Invalid', message: 'spec.scale.max: must be a number' },
    });
    const ready = status().conditions?.find(({ type }) => type === 'Ready');
    reporter.update(report);
    await pass(2_000, 'cold');
    expect(accepted()?.status).toBe('True');
    const later = status().conditions?.find(({ type }) => type === 'Ready');
    expect(later?.lastTransitionTime).toBe(ready?.lastTransitionTime);
  });

  it('is written by the leader alone, and not again by the next one when it is right', async () => {
    leadership.lose();
    reporter.update(report);
    await clock.advance(60_000);
    expect(writes()).toBe(0);
    leadership.gain();
    await pass(0, 'cold');
    leadership.lose();
    leadership.gain();
    await clock.advance(60_000);
    expect(writes()).toBe(1);
  });

  it('is left alone when the object goes while it is written', async () => {
    reporter.update(report);
    cluster.server.delete(path);
    await clock.advance(0);
    await expect.poll(() => rig.discovery.objectOf(report.key)).toBeUndefined();
    reporter.update(report);
    await clock.advance(120_000);
    expect(writes()).toBeLessThanOrEqual(1);
    expect(faults).toEqual([]);
  });

  it('is not written to another object that came under its name', async () => {
    const known = { ...rig.discovery.objectOf(report.key)!, uid: 'of-the-one-before' };
    const late = createModelReporter({
      ...{ api: cluster.api, clock, leadership, objectOf: () => known },
      onFault: ({ message }) => faults.push(message),
    });
    late.update(report);
    await clock.advance(0);
    await expect.poll(writes).toBe(1);
    await expect.poll(() => clock.pendingTimers).toBe(1);
    expect([cluster.server.get(path)?.status, faults]).toEqual([undefined, []]);
    await late.close();
  });

  it('is tried again when the server failed, and a refusal by RBAC is told once', async () => {
    cluster.server.fault({ kind: 'status', status: 500, verb: 'patch', times: 1 });
    reporter.update(report);
    await clock.advance(0);
    await expect.poll(() => faults.length).toBe(1);
    await expect.poll(() => clock.pendingTimers).toBeGreaterThan(0);
    await pass(2_000, 'cold');
    cluster.server.fault({ kind: 'forbid', verb: 'patch' });
    reporter.update({ ...report, phase: 'ready' });
    await clock.advance(2_000);
    await expect.poll(() => faults.length).toBe(2);
    const tried = writes();
    reporter.update({ ...report, phase: 'draining' });
    await clock.advance(300_000);
    expect(writes()).toBe(tried);
  });
});
