import { describe } from 'vitest';
import type { JobStore } from '../../src/core/job-store.ts';
import { describeCommits } from './job-store/commits.ts';
import { describeDeliveries } from './job-store/deliveries.ts';
import { describeDocuments } from './job-store/documents.ts';
import { describeEvents } from './job-store/events.ts';
import { describeHistories } from './job-store/histories.ts';
import { describeLife } from './job-store/life.ts';
import { describeLists } from './job-store/lists.ts';
import { describeQueues } from './job-store/queues.ts';

/** What the suite needs of a store under test; made anew, and empty, for each test. */
export interface JobStoreHarness {
  readonly store: JobStore;
  /** Closes the store and opens it again on what it has kept; left out of a store that keeps nothing. */
  reopen?(): Promise<JobStore>;
  /** Closes the store, and ends and removes what the harness itself made. */
  dispose(): Promise<void>;
}

export interface JobStoreSuite {
  readonly create: () => Promise<JobStoreHarness>;
  /** Whether what was committed is there when it was closed and opened again. */
  readonly isDurable: boolean;
}

/** What every store must do (core/job-store.ts). Call it in a test file of the store. */
export function describeJobStore(name: string, suite: JobStoreSuite): void {
  describe(`${name} store: what every store does`, () => {
    describeCommits(suite);
    describeQueues(suite);
    describeLists(suite);
    describeEvents(suite);
    describeDeliveries(suite);
    describeDocuments(suite);
    describeLife(suite);
    describeHistories(suite);
  });
}
