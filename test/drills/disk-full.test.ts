import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { smallDisk } from '../support/small-disk.ts';
import { World } from '../support/world.ts';
import { DrilledGateway, NotingBackend } from './drilled-gateway.ts';
import { allSucceed } from './outcomes.ts';
import { repeats, tell } from './repeats.ts';

const world = new World();
afterEach(() => world.close());

/** Free for jobs at first, and what is made free later. */
const roomBytes = 2_000_000;
const fillerBytes = 6_000_000;

describe('the disk being full under a gateway', () => {
  it.for([
    // Beside the store's file, as a blob; and within it.
    { where: 'in files', padding: 20_000, jobs: 'inline: 64B' },
    { where: 'in the store', padding: 6_000, jobs: 'inline: 8KiB' },
  ])(
    'refuses new jobs, keeps those that were acknowledged, and ends when there is room (inputs $where)',
    {
      timeout: 60_000 * repeats,
    },
    async ({ where, padding, jobs }, { skip }) => {
      const counted = { acknowledged: 0, refused: 0, succeeded: 0, 'run again': 0 };
      for (let round = 0; round < repeats; round++) {
        const disk = await smallDisk(roomBytes + fillerBytes);
        if (disk === null) return skip();
        world.onClose(() => disk.remove());
        const filler = join(disk.dir, 'filler');
        await writeFile(filler, Buffer.alloc(fillerBytes));
        const backend = new NotingBackend();
        const backendUrl = await backend.listen(world);
        const stateDir = join(disk.dir, 'state');
        const gateway = new DrilledGateway(world, { backendUrl, store: 'sqlite', stateDir, jobs });
        await gateway.start();
        backend.hold();
        const accepted: string[] = [];
        let refusals = 0;
        for (let n = 0; refusals < 5; n++) {
          const status = await gateway.putStatus(`job-${n}`, { padding });
          if (status === 202) accepted.push(`job-${n}`);
          else {
            expect(status).toBe(507);
            refusals++;
          }
        }
        expect(accepted.length).toBeGreaterThan(20);
        for (const id of accepted) expect(await gateway.get(id)).not.toBeNull();
        // Their answers come while there is no room for them.
        backend.release();
        await expect.poll(() => backend.waiting).toBe(0);
        await rm(filler);
        await expect.poll(() => gateway.put('after', { padding })).toBe(true);
        const { succeeded, again } = await allSucceed(gateway, backend, [...accepted, 'after']);
        counted.acknowledged += accepted.length + 1;
        counted.refused += refusals;
        counted.succeeded += succeeded;
        counted['run again'] += again;
        await world.close();
      }
      tell(`disk full, inputs ${where}`, counted);
    },
  );
});
