import { describe, expect, it } from 'vitest';
import { endableOf, endsBusy, takenBackOf, victimsOf } from '../../src/activation/removal.ts';
import type { Replica } from '../../src/activation/replica.ts';
import type { Removal } from '../../src/core/driver.ts';

const replica = (ordinal: number, state: Replica['state'] = 'ready') =>
  ({
    id: `r${ordinal}`,
    state,
    status: { id: `r${ordinal}`, phase: 'running', ordinal },
  }) as unknown as Replica;
const view = (removal: Removal, loads: Readonly<Record<string, number>> = {}) => ({
  removal,
  gate: {
    inFlight: Object.values(loads).reduce((sum, load) => sum + load, 0),
    inFlightOf: (id: string) => loads[id] ?? 0,
  },
});
const idsOf = (replicas: readonly Replica[]) => replicas.map(({ id }) => id);
const three = [replica(0), replica(1), replica(2)];

describe('who takes no new requests when the count goes down', () => {
  it('is who is not ready yet, then who has least to do', () => {
    const loads = { r0: 1, r1: 5, r2: 3 };
    expect(idsOf(victimsOf(three, 2, view('victims', loads)))).toEqual(['r0', 'r2']);
    const some = [replica(0), replica(1, 'starting')];
    expect(idsOf(victimsOf(some, 1, view('victims')))).toEqual(['r1']);
  });

  it('is one that sleeps before one that is awake and idle', () => {
    const some = [replica(0), replica(1, 'dozing'), replica(2, 'asleep'), replica(3, 'starting')];
    expect(idsOf(victimsOf(some, 3, view('victims')))).toEqual(['r3', 'r2', 'r1']);
  });

  it('is the highest ordinal, busy or not', () => {
    expect(idsOf(victimsOf(three, 1, view('highest-ordinal', { r2: 9 })))).toEqual(['r2']);
  });

  it('is nobody where anybody may end, but all where all end', () => {
    expect(victimsOf(three, 1, view('unknown'))).toEqual([]);
    expect(victimsOf(three, 3, view('unknown'))).toEqual(three);
    expect(victimsOf(three, 0, view('victims'))).toEqual([]);
  });

  it('is taken back from the lowest ordinal', () => {
    expect(idsOf(takenBackOf([replica(2), replica(1)]))).toEqual(['r1', 'r2']);
  });
});

describe('who may end', () => {
  const [zero, one, two] = three as [Replica, Replica, Replica];

  it('is whoever is idle, where victims are named', () => {
    expect(idsOf(endableOf([one, two], [zero], view('victims', { r2: 1 })))).toEqual(['r1']);
  });

  it('is the idle ones above the highest that is busy or stays', () => {
    expect(idsOf(endableOf([one, two], [zero], view('highest-ordinal', { r1: 1 })))).toEqual(['r2']);
    expect(idsOf(endableOf([one, two], [zero], view('highest-ordinal', { r2: 1 })))).toEqual([]);
    expect(idsOf(endableOf([zero, two], [one], view('highest-ordinal')))).toEqual(['r2']);
  });

  it('is everybody or nobody where anybody may end', () => {
    expect(endableOf([one, two], [zero], view('unknown'))).toHaveLength(2);
    expect(endableOf([one, two], [zero], view('unknown', { r0: 1 }))).toEqual([]);
  });

  it('is nobody busy, by the ordinals that are there', () => {
    const statuses = three.map(({ status }) => status);
    expect(endsBusy(statuses, 2, view('highest-ordinal', { r2: 1 }))).toBe(true);
    expect(endsBusy(statuses, 2, view('highest-ordinal', { r1: 1 }))).toBe(false);
    expect(endsBusy(statuses, 2, view('unknown', { r1: 1 }))).toBe(true);
    expect(endsBusy(statuses, 0, view('victims', { r1: 1 }))).toBe(false);
  });
});
