import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Driver, Target } from '../../src/core/driver.ts';
import { StatusLog } from './status-log.ts';

/** What the suite needs of a driver under test; made anew for each test. */
export interface DriverHarness<Backend> {
  readonly driver: Driver<Backend>;
  readonly target: Target<Backend>;
  /** How many run when `desired` were asked for. */
  runningFor(desired: number): number;
  /** Ends one of those that run, unasked; needed of a driver with `replacesLost`. */
  lose?(replicaId: string): Promise<void>;
  /** Whether what runs was started by the driver, and so must be gone after its close. */
  readonly isOwner: boolean;
  /** Ends what the harness itself started; the driver is closed by the suite. */
  dispose(): Promise<void>;
}

/** What every driver must do (core/driver.ts). Call it in a test file of the driver. */
export function describeDriver<Backend>(name: string, create: () => Promise<DriverHarness<Backend>>): void {
  describe(`${name} driver: what every driver does`, () => {
    const signal = new AbortController().signal;
    let harness: DriverHarness<Backend>;
    let logs: StatusLog[];

    beforeEach(async () => {
      harness = await create();
      logs = [];
    });
    afterEach(async () => {
      await harness.driver.close();
      await Promise.all(logs.map((log) => log.stop()));
      await harness.dispose();
    });

    const watch = () => {
      const log = new StatusLog(harness.driver as Driver, harness.target);
      logs.push(log);
      return log;
    };
    const scale = (replicas: number) => harness.driver.scale(harness.target, { replicas }, signal);

    it('tells the state at once, before anything was asked for', async () => {
      const log = watch();
      await Promise.resolve();
      expect(log.statuses).toHaveLength(1);
      expect(log.last.replicas).toHaveLength(harness.runningFor(0));
    });

    it('runs as many replicas as were asked for, each with its own id and origin', async () => {
      const log = watch();
      await scale(2);
      const replicas = await log.settled(harness.runningFor(2));
      expect(new Set(replicas.map(({ id }) => id)).size).toBe(replicas.length);
      expect(new Set(replicas.map(({ origin }) => origin)).size).toBe(replicas.length);
      for (const { origin, steps } of replicas) {
        expect(origin).toMatch(/^https?:\/\/[^/]+(\/.*[^/])?$/);
        expect(steps.length).toBeGreaterThan(0);
      }
    });

    it('keeps the same replicas when the same count is asked for again', async () => {
      const log = watch();
      await scale(1);
      await scale(1);
      const before = await log.settled(harness.runningFor(1));
      await scale(1);
      const after = await log.settled(harness.runningFor(1));
      expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    });

    it('obeys the last of several calls', async () => {
      const log = watch();
      await Promise.all([scale(2), scale(0), scale(3), scale(1)]);
      await log.settled(harness.runningFor(1));
    });

    it('keeps its replicas whatever is asked for, exactly where it says that they are fixed', async () => {
      const log = watch();
      await scale(1);
      const before = await log.settled(harness.runningFor(1));
      await scale(0);
      const after = await log.settled(harness.driver.isFixed ? before.length : 0);
      if (harness.driver.isFixed) expect(after).toEqual(before);
    });

    it('ends the named victim and starts another in its place, where it says that it can', async () => {
      const log = watch();
      await scale(2);
      const [victim, other] = (await log.settled(harness.runningFor(2))).map(({ id }) => id);
      if (!harness.driver.canReplace) return;
      await harness.driver.scale(harness.target, { replicas: 1, victims: [victim!] }, signal);
      expect((await log.settled(1)).map(({ id }) => id)).toEqual([other]);
      await scale(2);
      const ids = (await log.settled(2)).map(({ id }) => id);
      expect(ids).toContain(other);
      expect(ids).not.toContain(victim);
    });

    it('never says that it can replace what is fixed, nor that its platform does', () => {
      const { isFixed, canReplace, replacesLost } = harness.driver;
      expect(isFixed && (canReplace || replacesLost)).toBe(false);
    });

    it('has another in the place of one that is lost, and the count stands, where it says so', async () => {
      const log = watch();
      await scale(2);
      const before = (await log.settled(harness.runningFor(2))).map(({ id }) => id);
      if (!harness.driver.replacesLost) return;
      await harness.lose!(before[0]!);
      await log.gone(before[0]!);
      const after = (await log.settled(harness.runningFor(2))).map(({ id }) => id);
      expect(after).not.toContain(before[0]);
      expect(after).toContain(before[1]);
      expect(log.last.desired ?? 2).toBe(2);
    });

    it('tells a second watcher the same', async () => {
      const first = watch();
      await scale(1);
      const told = await first.settled(harness.runningFor(1));
      const second = watch();
      await Promise.resolve();
      expect(second.last.replicas.map(({ id, origin }) => [id, origin])).toEqual(
        told.map(({ id, origin }) => [id, origin]),
      );
    });

    it('ends the watch, and tells nothing more, when its signal aborts', async () => {
      const log = watch();
      await log.stop();
      const told = log.statuses.length;
      const other = watch();
      await scale(1);
      await other.settled(harness.runningFor(1));
      expect(log.statuses).toHaveLength(told);
    });

    it('does not watch with a signal that has aborted', async () => {
      const told: unknown[] = [];
      await harness.driver.watch(harness.target, (status) => told.push(status), AbortSignal.abort());
      expect(told).toEqual([]);
    });

    it('rejects a call whose signal has aborted, with its reason', async () => {
      const reason = new Error('not wanted any more');
      const call = harness.driver.scale(harness.target, { replicas: 1 }, AbortSignal.abort(reason));
      await expect(call).rejects.toBe(reason);
      const log = watch();
      await Promise.resolve();
      expect(log.last.replicas).toHaveLength(harness.runningFor(0));
    });

    it('ends what it started, and only that, when it is closed, also twice', async () => {
      const log = watch();
      await scale(2);
      const replicas = await log.settled(harness.runningFor(2));
      for (const { origin } of replicas) while (!(await accepts(new URL(origin!))));
      await Promise.all([harness.driver.close(), harness.driver.close()]);
      const open = await Promise.all(replicas.map(({ origin }) => accepts(new URL(origin!))));
      expect(open).toEqual(replicas.map(() => !harness.isOwner));
    });
  });
}

function accepts({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
