import { mkdtempSync, readdirSync, readlinkSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeldMemory } from '../../src/forward/held-memory.ts';
import { RequestBody } from '../../src/forward/request-body.ts';

const dir = mkdtempSync(join(tmpdir(), 'pilotlight-request-body-'));

const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);
beforeEach(() => {
  process.on('unhandledRejection', onRejection);
});
afterEach(() => {
  process.off('unhandledRejection', onRejection);
  expect(rejections.splice(0)).toEqual([]);
});

/** Open files of this process below the spool's folder. */
function openFiles(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir);
    } catch {
      return false; // closed since it was listed
    }
  }).length;
}

/** What happens to a body, in order; `rest` of the chunks is fed at the end. */
type Step =
  | { readonly kind: 'feed' | 'read' | 'letGo' | 'close' | 'turn' }
  | { readonly kind: 'give up'; readonly after: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.constant<Step>({ kind: 'feed' }), weight: 6 },
  { arbitrary: fc.constant<Step>({ kind: 'turn' }), weight: 6 },
  { arbitrary: fc.constant<Step>({ kind: 'read' }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('give up' as const), after: fc.nat(5) }), weight: 2 },
);

class Attempt {
  readonly chunks: Buffer[] = [];
  error: unknown = null;
  isAtEnd = false;
  readonly done: Promise<void>;

  /** `limit`: pieces after which it is given up, as by a backend that has answered. */
  constructor(body: RequestBody, limit = Number.POSITIVE_INFINITY) {
    this.done = this.#read(body, limit);
  }

  async #read(body: RequestBody, limit: number): Promise<void> {
    try {
      const upstream = body.toUpstream(null) ?? [];
      if (Buffer.isBuffer(upstream)) this.chunks.push(upstream);
      else {
        let left = limit;
        for await (const piece of upstream) {
          if (left-- <= 0) return;
          this.chunks.push(Buffer.from(piece));
        }
      }
      this.isAtEnd = true;
    } catch (error) {
      this.error = error;
    }
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

interface Plan {
  readonly sizes: readonly number[];
  readonly memory: number;
  readonly steps: readonly Step[];
  readonly ending: 'answered' | 'left';
}

const plan: fc.Arbitrary<Plan> = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 12 }),
  memory: fc.constantFrom(0, 1, 50_000, 300_000, 100_000_000),
  steps: fc.array(step, { maxLength: 25 }),
  ending: fc.constantFrom('answered', 'left'),
});

function contentOf(sizes: readonly number[]): Buffer {
  const content = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  for (let at = 0; at < content.length; at++) content[at] = (at * 31 + (at >> 8)) & 0xff;
  return content;
}

/** Until the accounts are as a closed body leaves them: writes and reads of the spool under way end first. */
async function untilClosed(held: HeldMemory): Promise<void> {
  await expect
    .poll(() => ({ memory: held.memoryBytes, spool: held.spoolBytes, files: openFiles() }), { interval: 1 })
    .toEqual({ memory: 0, spool: 0, files: 0 });
}

async function run({ sizes, memory, steps, ending }: Plan): Promise<void> {
  const held = new HeldMemory({ maxMemoryBytes: memory, dir, maxSpoolBytes: 100_000_000 });
  const body = new RequestBody(held, 100_000_000);
  const request = new PassThrough({ highWaterMark: 16 * 1024 });
  const content = contentOf(sizes);
  const errors: unknown[] = [];
  let isEnded = false;
  body.read(request as unknown as IncomingMessage, {
    onChunk: () => undefined,
    onEnd: () => {
      isEnded = true;
    },
    onError: (error) => errors.push(error),
  });
  let fed = 0;
  let at = 0;
  const feed = () => {
    if (fed === sizes.length) return;
    const size = sizes[fed++]!;
    request.write(content.subarray(at, at + size));
    at += size;
    if (fed === sizes.length) request.end();
  };
  if (sizes.length === 0) request.end();
  const given: Attempt[] = [];
  for (const now of steps) {
    if (now.kind === 'feed') feed();
    else if (now.kind === 'turn') await turn();
    else given.push(new Attempt(body, now.kind === 'give up' ? now.after : Number.POSITIVE_INFINITY));
  }
  if (ending === 'left') {
    body.close();
    request.destroy();
  } else {
    const last = new Attempt(body);
    await turn();
    while (fed < sizes.length) feed();
    await last.done;
    expect(last.error).toBe(null);
    expect(last.bytes.equals(content)).toBe(true);
    await expect.poll(() => isEnded, { interval: 1 }).toBe(true);
    body.letGo();
    body.close();
  }
  await Promise.all(given.map(({ done }) => done));
  // Whatever an earlier attempt got is the beginning of the body, and all of it where it came to an end.
  for (const { bytes, isAtEnd } of given) {
    expect(content.subarray(0, bytes.length).equals(bytes)).toBe(true);
    if (isAtEnd) expect(bytes.length).toBe(content.length);
  }
  expect(errors).toEqual([]);
  await untilClosed(held);
}

describe('the body of a request', () => {
  it('is the same for every reader, however it comes and wherever it is kept, and leaves nothing', async () => {
    await fc.assert(fc.asyncProperty(plan, run), { numRuns: 250, seed: 11 });
  }, 60_000);

  it('is let go of piece by piece once the answer has begun, and none of it is lost', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ sizes, memory }) => {
        const held = new HeldMemory({ maxMemoryBytes: memory, dir, maxSpoolBytes: 100_000_000 });
        const body = new RequestBody(held, 100_000_000);
        const request = new PassThrough();
        const content = contentOf(sizes);
        body.read(request as unknown as IncomingMessage, {
          onChunk: () => undefined,
          onEnd: () => undefined,
          onError: (error) => expect.unreachable(String(error)),
        });
        const attempt = new Attempt(body);
        let at = 0;
        for (const [index, size] of sizes.entries()) {
          request.write(content.subarray(at, at + size));
          at += size;
          await turn();
          if (index === Math.floor(sizes.length / 2)) body.letGo();
        }
        request.end();
        await attempt.done;
        expect(attempt.error).toBe(null);
        expect(attempt.bytes.equals(content)).toBe(true);
        if (memory === 100_000_000 && sizes.length > 0) expect(held.memoryBytes).toBe(0);
        body.close();
        await untilClosed(held);
      }),
      { numRuns: 100, seed: 12 },
    );
  }, 60_000);
});
