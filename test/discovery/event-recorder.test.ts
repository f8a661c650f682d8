import { afterEach, beforeEach, expect, it } from 'vitest';
import { EventRecorder } from '../../src/discovery/event-recorder.ts';
import { FakeLeadership } from '../support/fake-leadership.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startCluster } from './rig.ts';

const path = '/api/v1/namespaces/llm/events';
const object = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'llm', name: 'qwen', uid: 'u' };
const woken = { object, type: 'Normal', reason: 'Woken', message: 'a request came' } as const;
let cluster: Awaited<ReturnType<typeof startCluster>>;
let clock: ManualClock;
let leadership: FakeLeadership;
let faults: string[];
let recorder: EventRecorder;

beforeEach(async () => {
  cluster = await startCluster();
  [clock, leadership, faults] = [new ManualClock(), new FakeLeadership(), []];
  const onFault = ({ message }: { message: string }) => faults.push(message);
  recorder = new EventRecorder({ api: cluster.api, clock, leadership, instance: 'gateway-0', onFault });
});
afterEach(async () => {
  await recorder.close();
  await cluster.close();
});

const events = () => cluster.server.list(path) as unknown as Record<string, unknown>[];

it('counts what happens again in one event, with the newest message', async () => {
  recorder.record(woken);
  await clock.advance(0);
  await expect.poll(() => events().length).toBe(1);
  expect(events()[0]).toMatchObject({ involvedObject: object, reason: 'Woken', count: 1 });
  for (let n = 0; n < 5; n++) recorder.record({ ...woken, message: `request ${n}` });
  // The next write is timed once the first one was answered.
  await expect.poll(() => clock.pendingTimers).toBe(1);
  await clock.advance(10_000);
  await expect.poll(() => events()[0]?.count).toBe(6);
  expect([events().length, events()[0]?.message]).toEqual([1, 'request 4']);
});

it('tells once that it may not write events', async () => {
  cluster.server.fault({ kind: 'forbid', resource: 'events' });
  recorder.record(woken);
  recorder.record({ ...woken, reason: 'ScaledToZero' });
  await clock.advance(0);
  await expect.poll(() => cluster.server.requests.length).toBe(2);
  await expect.poll(() => faults).toEqual(['cannot write events']);
});

it('writes nothing while another gateway leads', async () => {
  leadership.lose();
  recorder.record(woken);
  await clock.advance(60_000);
  expect(cluster.server.requests.length).toBe(0);
});
