import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Job } from '../../../src/core/job.ts';
import type { Delivery, JobChange, JobQuery, JobStore } from '../../../src/core/job-store.ts';
import * as drawn from '../../support/job-histories.ts';
import { PlainStore } from '../../support/plain-store.ts';
import type { JobStoreHarness, JobStoreSuite } from '../job-store.ts';

/** How long a history of random steps must be that they all meet. */
const mostSteps = 40;

/** Random histories, after each of which the store must answer every question as the plain one does. */
export function describeHistories({ create, isDurable }: JobStoreSuite): void {
  it('answers as the plain store does after any history', { timeout: 120_000 }, async () => {
    const runs = fc.asyncProperty(drawn.histories(mostSteps), async (steps) => {
      const harness = await create();
      try {
        await new Comparison(harness).run(steps);
      } finally {
        await harness.dispose();
      }
    });
    await fc.assert(runs, { numRuns: isDurable ? 12 : 150, endOnFailure: true });
  });
}

class Comparison {
  readonly #harness: JobStoreHarness;
  readonly #plain = new PlainStore();
  readonly #taken: Delivery[] = [];
  #store: JobStore;
  #step = 0;

  constructor(harness: JobStoreHarness) {
    this.#harness = harness;
    this.#store = harness.store;
  }

  async run(steps: readonly drawn.Step[]): Promise<void> {
    for (const step of steps) {
      this.#step++;
      await this.#do(step);
    }
    await this.#compare();
  }

  async #do(step: drawn.Step): Promise<void> {
    if (step.kind === 'reopen') {
      if (!this.#harness.reopen) return;
      await this.#compare();
      this.#store = await this.#harness.reopen();
      await this.#compare();
    } else if (step.kind === 'take') {
      const untilMs = step.nowMs + 500;
      const taken = await this.#store.takeDeliveries(step.nowMs, untilMs, step.limit);
      expect(taken).toEqual(this.#plain.take(step.nowMs, untilMs, step.limit));
      this.#taken.push(...taken);
    } else if (step.kind === 'settle') await this.#settle(step.pick, step.dueAtMs);
    else await this.#commit(this.#changeOf(step));
  }

  #changeOf(step: Extract<drawn.Step, { kind: 'add' | 'change' | 'remove' }>): JobChange {
    if (step.kind === 'add') {
      const deliveries = drawn.deliveriesOf(step.job, step.deliveries, this.#step);
      return { id: step.job.id, expected: 0, next: step.job, input: step.input, deliveries };
    }
    const { id } = step;
    const last = this.#plain.get(id);
    const expected = (last?.version ?? 1) + (step.stale ? 1 : 0);
    if (!last || step.kind === 'remove') return { id, expected, next: null };
    const next = drawn.drawnFrom(last, step.draw);
    return {
      id,
      expected,
      next: { ...next, version: expected + 1 },
      events: drawn.eventsAfter(last, step.draw.events),
      deliveries: drawn.deliveriesOf(next, step.draw.deliveries, this.#step),
      ...(step.draw.output === null ? {} : { output: Buffer.from(step.draw.output) }),
    };
  }

  async #commit(change: JobChange): Promise<void> {
    const [outcome] = await this.#store.commit([change]);
    expect(outcome).toEqual(this.#plain.commit(change));
  }

  async #settle(pick: number, dueAtMs: number | null): Promise<void> {
    const taken = this.#taken[pick % Math.max(1, this.#taken.length)];
    if (!taken) return;
    const next = dueAtMs === null ? null : { ...taken, dueAtMs, attempts: taken.attempts + 1 };
    expect(await this.#store.settleDelivery(taken, next)).toBe(this.#plain.settle(taken, next));
  }

  async #compare(): Promise<void> {
    await this.#compareJobs();
    await this.#compareLists();
    for (const query of queries()) expect(await this.#pages(query)).toEqual(this.#plain.list(query));
  }

  async #compareJobs(): Promise<void> {
    const [store, plain] = [this.#store, this.#plain];
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
      expect(await store.get(id)).toEqual(plain.get(id));
      for (const part of ['input', 'output'] as const)
        expect(await store.body(id, part)).toEqual(plain.body(id, part));
      for (const afterSeq of [0, 2, 1_000])
        expect(await store.events(id, afterSeq, 700)).toEqual(plain.events(id, afterSeq, 700));
    }
  }

  async #compareLists(): Promise<void> {
    const [store, plain] = [this.#store, this.#plain];
    for (const model of drawn.models) {
      expect(await store.counts({ model })).toEqual(plain.counts({ model }));
      for (const [maxRank, limit] of [
        [0, 10],
        [1, 10],
        [2, 3],
      ] as const)
        expect(await store.head(model, maxRank, limit)).toEqual(plain.head(model, maxRank, limit));
    }
    for (const group of drawn.groups) {
      expect(await store.counts({ group })).toEqual(plain.counts({ group }));
      expect(await store.groupMembers(group, 4, 3)).toEqual(plain.groupMembers(group, 4, 3));
    }
    for (const limit of [2, 10]) expect(await store.due(5_000, limit)).toEqual(plain.due(5_000, limit));
    expect(await store.nextDueMs()).toBe(plain.nextDueMs());
    expect(await store.nextDeliveryMs()).toBe(plain.nextDeliveryMs());
    const backlog = await store.backlog();
    expect(backlog.toSorted((a, b) => (a.model < b.model ? -1 : 1))).toEqual(plain.backlog());
  }

  /** All pages of a list, two jobs each. */
  async #pages(query: Omit<JobQuery, 'before' | 'limit'>): Promise<readonly Job[]> {
    const jobs: Job[] = [];
    for (let before: string | null | undefined; before !== null; ) {
      const page = await this.#store.list({
        ...query,
        limit: 2,
        ...(before === undefined ? {} : { before }),
      });
      jobs.push(...page.jobs);
      before = page.next;
    }
    return jobs;
  }
}

function queries(): readonly Omit<JobQuery, 'before' | 'limit'>[] {
  return drawn.tenants.flatMap((tenant) => [
    { tenant },
    { tenant, surface: drawn.surfaces[0]!, states: ['queued', 'running'] as const },
    { tenant, model: drawn.models[0]! },
  ]);
}
