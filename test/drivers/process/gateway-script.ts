/**
 * A gateway that can be killed: starts one replica of the script in argv[3] for the owner hash in argv[2], and tells
 * `pids PID... PORT` when the replica has told its pids.
 */
import { systemClock } from '../../../src/core/clock.ts';
import type { Driver } from '../../../src/core/driver.ts';
import { createProcessDriver } from '../../../src/drivers/process/process-driver.ts';
import { StatusLog } from '../../conformance/status-log.ts';
import { scriptTarget, untilLine } from './children.ts';

const [, , ownerHash = '', script = ''] = process.argv;
const driver = createProcessDriver({ clock: systemClock, ownerHash });
const target = scriptTarget(script);
const log = new StatusLog(driver as Driver, target);
await driver.scale(target, { replicas: 1 }, new AbortController().signal);
const [replica] = await log.settled(1);
const [line] = await untilLine(() => replica!.output!, /^pids .*/);
console.log(`${line} ${new URL(replica!.origin!).port}`);
