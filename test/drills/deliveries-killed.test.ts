import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { openSqliteStore } from '../../src/stores/sqlite/store.ts';
import { tell as tellOf } from '../support/outbox.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import { repeats, tell } from './repeats.ts';

const script = new URL('../support/delivering-process.ts', import.meta.url).pathname;
/** A delivery that was taken is due again after three times that. */
const timeoutMs = 500;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function newFile(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pilotlight-deliveries-'));
  closing.push(() => rm(dir, { recursive: true }));
  return join(dir, 'jobs.sqlite');
}

function open(file: string) {
  const onFault = (error: unknown) => {
    throw error;
  };
  return openSqliteStore({ file, clock: systemClock, onFault });
}

function start(file: string): ChildProcess {
  const child = spawn(process.execPath, [script, file, String(timeoutMs)], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const ended = once(child, 'exit');
  closing.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return child;
}

describe('webhooks of a gateway that is killed', () => {
  it('are delivered by the next one, those that had reached their receiver under the same id', {
    timeout: 30_000 * repeats,
  }, async () => {
    const count = 20;
    const counted = { committed: 0, 'told at last': 0, 'told again': 0 };
    for (let round = 0; round < repeats; round++) {
      const file = await newFile();
      let running: ChildProcess | null = null;
      const to = await startReceiver((res, nth) => {
        // The third one is there, and nobody will settle it.
        if (nth === 3) running!.kill('SIGKILL');
        else if (nth > 3 || nth < 3) res.writeHead(204).end();
      });
      closing.push(() => to.close());
      const store = await open(file);
      for (let i = 0; i < count; i++) await tellOf(store, `job-${i}`, to.url);
      await store.close();
      running = start(file);
      const [, signal] = await once(running, 'exit');
      expect(signal).toBe('SIGKILL');
      const before = new Set(to.received.map(({ headers }) => headers['webhook-id']));
      expect(before.size).toBeGreaterThanOrEqual(3);
      const next = start(file);
      const all = () => new Set(to.received.map(({ headers }) => headers['webhook-id']));
      while (all().size < count || to.received.length < count + 1) await to.count(to.received.length + 1);
      next.stdin!.end();
      await once(next, 'exit');
      // None is lost, and what came twice came with the id it had.
      expect(all()).toEqual(new Set(Array.from({ length: count }, (_, i) => `msg_job-${i}`)));
      const left = await open(file);
      expect(await left.nextDeliveryMs()).toBeNull();
      await left.close();
      counted.committed += count;
      counted['told at last'] += all().size;
      counted['told again'] += to.received.length - all().size;
    }
    tell('killed while webhooks are delivered', counted);
  });
});
