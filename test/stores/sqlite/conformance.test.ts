import { openSqliteStore } from '../../../src/stores/sqlite/store.ts';
import { describeJobStore } from '../../conformance/job-store.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { storeFile } from '../../support/sqlite-file.ts';

describeJobStore('sqlite', {
  isDurable: true,
  create: async () => {
    const { file, remove } = await storeFile();
    const onFault = (fault: Error) => {
      throw fault;
    };
    const open = () => openSqliteStore({ file, clock: new ManualClock(), onFault });
    let store = await open();
    return {
      store,
      async reopen() {
        await store.close();
        store = await open();
        return store;
      },
      async dispose() {
        await store.close();
        await remove();
      },
    };
  },
});
