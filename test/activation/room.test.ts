import { expect, it } from 'vitest';
import { defaults, withScale } from './harness.ts';
import { RoomRig } from './room-rig.ts';

const gib = 1024 ** 3;
const twoGpus = ['0', '1'].map((id) => ({ id, pool: null, memoryBytes: 24 * gib }));

it('starts one that fits at once', async () => {
  const rig = new RoomRig();
  const qwen = rig.add('qwen');
  qwen.enter();
  await rig.clock.settle();
  expect(qwen.driver.living).toHaveLength(1);
  expect(qwen.activator.wakeInfo()).toMatchObject({ state: 'starting' });
});

it('ends an idle model for one that somebody waits for, which starts when that is gone', async () => {
  const rig = new RoomRig();
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  const id = await qwen.bringUp();
  llama.enter();
  await rig.clock.advance(0);
  expect(qwen.driver.statusOf(id)?.phase).toBe('stopping');
  expect(qwen.events).toContainEqual({ type: 'evicted', replicas: 1, reason: 'evicted for llama' });
  expect(llama.driver.requests).toEqual([]);
  expect(llama.activator.wakeInfo()).toMatchObject({
    step: 'waiting for room',
    detail: 'waits for 20 GiB on a GPU: qwen ends',
    sinceMs: null,
  });
  qwen.driver.endStopping();
  await rig.clock.advance(0);
  expect(llama.driver.living).toHaveLength(1);
  expect(llama.activator.wakeInfo()).toMatchObject({ state: 'starting' });
  expect(qwen.activator.wakeInfo().state).toBe('cold');
});

it('waits while the other is busy, as long as its own deadline allows, and no start fails meanwhile', async () => {
  const rig = new RoomRig({ maxPassMs: 3_600_000 });
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  const id = await qwen.bringUp();
  await qwen.run(id, 1);
  expect(llama.enter(rig.clock.nowMs() + 900_000)).toBeNull();
  await rig.clock.advance(10 * 60_000);
  expect(llama.events.map(({ type }) => type)).not.toContain('start-failed');
  expect(llama.gate.failures).toEqual([]);
  const { decision } = llama.activator.snapshot();
  expect(decision).toBe('1 waiting and 0 running; waits for 20 GiB on a GPU: qwen is busy');
  await qwen.run(id, 0);
  expect(llama.driver.living).toHaveLength(1);
});

it('lets a busy model take no new request once another was passed for maxPass, and cuts none', async () => {
  const rig = new RoomRig({ maxPassMs: 30_000 });
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  const id = await qwen.bringUp();
  await qwen.run(id, 2);
  llama.enter();
  await rig.clock.advance(29_000);
  expect(qwen.gate.open).toEqual([id]);
  await rig.clock.advance(1_500);
  expect(qwen.gate.open).toEqual([]);
  expect(qwen.driver.living).toEqual([id]);
  // It is asked again meanwhile: that waits for its own turn.
  expect(qwen.enter()).toBeNull();
  await rig.clock.advance(60_000);
  expect(qwen.driver.living).toEqual([id]);
  expect(qwen.activator.wakeInfo().detail).toBe(
    'waits for its last requests to end: another model has its turn',
  );
  await qwen.run(id, 0);
  await rig.clock.advance(100);
  await rig.settle();
  expect(qwen.driver.living).toEqual([]);
  expect(llama.driver.living).toHaveLength(1);
  expect(qwen.gate.waiting).toBe(1);
  expect(qwen.activator.wakeInfo().detail).toBe('waits for 20 GiB on a GPU: llama is starting');
});

it('goes back and forth between two that do not fit at once, each of which serves who waits for it', async () => {
  const rig = new RoomRig({ maxPassMs: 30_000 });
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  qwen.enter();
  llama.enter();
  await rig.settle();
  let [here, away] = [qwen, llama];
  for (let turn = 0; turn < 4; turn++) {
    expect(here.driver.living).toHaveLength(1);
    expect(away.driver.living).toHaveLength(0);
    const id = await here.becomeReady();
    await here.run(id, 1);
    await rig.clock.advance(40_000);
    expect(here.gate.open).toEqual([]);
    here.enter();
    await here.run(id, 0);
    await rig.clock.advance(100);
    await rig.settle();
    [here, away] = [away, here];
  }
});

it('ends nobody for a model that is to be kept warm and that nobody asks for', async () => {
  const rig = new RoomRig();
  const qwen = rig.add('qwen');
  await qwen.bringUp();
  const llama = rig.add('llama', { settings: withScale({ min: 1 }) });
  await rig.clock.advance(60_000);
  expect(qwen.driver.living).toHaveLength(1);
  expect(llama.activator.snapshot().decision).toBe('min is 1; waits for 20 GiB on a GPU: qwen is idle');
  llama.activator.warm();
  await rig.settle();
  expect([qwen.driver.living.length, llama.driver.living.length]).toEqual([0, 1]);
});

it('gives its claim up when it is paused, or whoever asked has gone', async () => {
  const rig = new RoomRig();
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  const id = await qwen.bringUp();
  await qwen.run(id, 1);
  llama.enter();
  await rig.settle();
  llama.activator.pause();
  await qwen.run(id, 0);
  await rig.settle();
  expect(qwen.driver.living).toEqual([id]);
  expect(rig.room.snapshot().waiting).toEqual([]);

  llama.activator.resume();
  await qwen.run(id, 1);
  llama.enter();
  await rig.settle();
  llama.gate.waiting = 0;
  await qwen.run(id, 0);
  await rig.settle();
  expect(qwen.driver.living).toEqual([id]);
});

it('keeps no room for a start that failed while it backs off', async () => {
  const rig = new RoomRig();
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  qwen.enter();
  await rig.settle();
  llama.enter();
  await rig.settle();
  expect(llama.driver.living).toEqual([]);
  qwen.driver.exit(qwen.driver.living[0]!);
  await rig.settle();
  expect(qwen.activator.wakeInfo().state).toBe('failed');
  expect(llama.driver.living).toHaveLength(1);
});

it('refuses whoever could not be served even if there were room at once, and nobody else', async () => {
  const rig = new RoomRig();
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  llama.activator.seed(Array.from({ length: 6 }, () => ({ totalMs: 40_000, steps: [] })));
  const id = await qwen.bringUp();
  await qwen.run(id, 1);
  expect(llama.enter(rig.clock.nowMs() + 20_000)?.code).toBe('would_not_make_it');
  expect(llama.enter(rig.clock.nowMs() + 50_000)).toBeNull();
  expect(llama.activator.wakeInfo().etaMs).toBeNull();
});

it('makes the idle one of two replicas go and leaves the busy one alone', async () => {
  const rig = new RoomRig({ gpus: twoGpus });
  const qwen = rig.add('qwen', { settings: { ...defaults, concurrency: 1 } });
  const llama = rig.add('llama');
  qwen.enter();
  qwen.gate.waiting = 2;
  qwen.activator.demand();
  await rig.settle();
  const ids = qwen.driver.living;
  expect(ids).toHaveLength(2);
  for (const id of ids) qwen.driver.run(id, rig.clock.nowMs());
  qwen.prober.state = 'ready';
  await rig.clock.advance(1_000);
  qwen.gate.waiting = 0;
  await qwen.run(ids[1]!, 0);
  await qwen.run(ids[0]!, 1);
  llama.enter();
  await rig.settle();
  expect(qwen.driver.living).toEqual([ids[0]]);
  expect(qwen.gate.open).toEqual([ids[0]]);
  expect(llama.driver.living).toHaveLength(1);
});

it('starts fewer replicas than are wanted where there is room for fewer, and more when there is', async () => {
  const rig = new RoomRig();
  const qwen = rig.add('qwen', { settings: { ...defaults, concurrency: 1 } });
  qwen.enter();
  qwen.gate.waiting = 2;
  qwen.activator.demand();
  await rig.settle();
  expect(qwen.driver.living).toHaveLength(1);
  rig.room.configure({ gpus: twoGpus, hostBytes: null, maxStarting: null, maxPassMs: 30_000 });
  await rig.settle();
  expect(qwen.driver.living).toHaveLength(2);
});

it('makes nothing go of which others own the count', async () => {
  const rig = new RoomRig({ maxPassMs: 1_000 });
  const qwen = rig.add('qwen', {
    settings: withScale({ owner: 'external' }),
    driver: { replacesLost: true, desired: 1 },
  });
  await rig.settle();
  qwen.driver.control();
  await qwen.becomeReady();
  const llama = rig.add('llama');
  llama.enter();
  await rig.clock.advance(60_000);
  expect(qwen.driver.desired).toBe(1);
  expect(llama.activator.wakeInfo().detail).toBe('waits for 20 GiB on a GPU: qwen is kept');
});

it('lets all replicas of a Deployment take no new request before they go', async () => {
  const rig = new RoomRig({ maxPassMs: 10_000 });
  const qwen = rig.add('qwen', { driver: { replacesLost: true } });
  qwen.driver.told = { removal: 'unknown' };
  const llama = rig.add('llama');
  const id = await qwen.bringUp();
  await qwen.run(id, 1);
  llama.enter();
  await rig.clock.advance(11_000);
  expect(qwen.gate.open).toEqual([]);
  expect(qwen.driver.living).toEqual([id]);
  await qwen.run(id, 0);
  await rig.clock.advance(1_000);
  await rig.settle();
  expect(qwen.driver.living).toEqual([]);
  expect(llama.driver.living).toHaveLength(1);
});

it('tells a driver where each replica runs', async () => {
  const rig = new RoomRig({ gpus: twoGpus });
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  expect(rig.room.place('qwen/default', 'r0')).toBeNull();
  qwen.enter();
  expect(rig.room.place('qwen/default', 'r1')).toEqual({ gpus: ['0'] });
  expect(rig.room.place('qwen/default', 'r1')).toEqual({ gpus: ['0'] });
  expect(rig.room.place('qwen/default', 'r2')).toBeNull();
  llama.enter();
  expect(rig.room.place('llama/default', 'r1')).toEqual({ gpus: ['1'] });
});

it('leaves nothing behind when it is closed', async () => {
  const rig = new RoomRig();
  const qwen = rig.add('qwen');
  const llama = rig.add('llama');
  await qwen.bringUp();
  await qwen.activator.close();
  llama.enter();
  await rig.settle();
  expect(llama.driver.living).toHaveLength(1);
  await llama.activator.close();
  rig.room.close();
  expect(rig.clock.pendingTimers).toBe(0);
});
