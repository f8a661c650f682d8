/** A process that delivers what a store has: `node delivering-process.ts FILE TIMEOUT_MS`. Ends with its standard input. */
import { systemClock } from '../../src/core/clock.ts';
import { openSqliteStore } from '../../src/stores/sqlite/store.ts';
import { openOutbox } from './outbox.ts';

const [, , file = '', timeoutMs = ''] = process.argv;
const onFault = (error: unknown) => process.stderr.write(`${String(error)}\n`);
const store = await openSqliteStore({ file, clock: systemClock, onFault });
const settings = { timeoutMs: Number(timeoutMs), giveUpAfterMs: 86_400_000 };
const { deliveries } = openOutbox(store, systemClock, { settings, onFault });
process.stdin.on('end', async () => {
  await deliveries.close();
  await store.close();
});
process.stdin.resume();
