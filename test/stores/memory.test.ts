import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { describeJobStore } from '../conformance/job-store.ts';
import { ManualClock } from '../support/manual-clock.ts';

describeJobStore('memory', {
  isDurable: false,
  create: async () => {
    const store = openMemoryStore({ clock: new ManualClock() });
    return { store, dispose: () => store.close() };
  },
});
