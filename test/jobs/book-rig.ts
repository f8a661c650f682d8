import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { JobSettings } from '../../src/config/job-settings.ts';
import type { JobOrder } from '../../src/core/desk.ts';
import type { JobStore } from '../../src/core/job-store.ts';
import type { Caller } from '../../src/core/surface.ts';
import { JobBook } from '../../src/jobs/book.ts';
import { BookDesk } from '../../src/jobs/book-desk.ts';
import { WebhookSecrets } from '../../src/jobs/webhook-secrets.ts';
import { openDirectoryBlobs } from '../../src/stores/directory/blobs.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { settingsOf } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

/** What a desk is asked for when a test says nothing else. */
export const order: JobOrder = {
  id: null,
  surface: 'jobs',
  model: 'llama',
  invocation: {
    path: '/v1/chat/completions',
    method: 'POST',
    contentType: 'application/json',
    headers: {},
    content: { body: Buffer.from('{"a":1}') },
    isStream: false,
    id: '',
  },
  priority: 'normal',
  limits: {},
  webhook: null,
  group: null,
  idempotencyKey: null,
  meta: {},
};

/** Somebody who asks; `leave` ends their asking. */
export function callerOf(tenant: string): { caller: Caller; leave(): void } {
  const leaving = new AbortController();
  const caller: Caller = { tenant, requestId: 'r', highestClass: 0, signal: leaving.signal };
  return { caller, leave: () => leaving.abort() };
}

/** A book and a desk on jobs in memory and blobs in a folder; `wrap` puts something between them and the store. */
export function bookRig(given: Partial<JobSettings> = {}, wrap = (store: JobStore): JobStore => store) {
  const clock = new ManualClock();
  const dir = mkdtempSync(join(tmpdir(), 'pilotlight-book-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  const store = wrap(openMemoryStore({ clock }));
  const { jobs } = settingsOf('  m: { backend: { driver: static, urls: ["http://127.0.0.1:9"] } }');
  const settings = { ...jobs, ...given };
  const blobs = openDirectoryBlobs({ dir, clock });
  const bookOf = (owner: string) => new JobBook({ store, blobs, owner, random: () => 0, settings });
  const book = bookOf('this');
  const { documents } = store;
  const secrets = new WebhookSecrets({
    documents,
    nowMs: () => store.nowMs(),
    randomBytes: (count) => Buffer.alloc(count, 7),
  });
  const webhookFault = (url: string) => (url.startsWith('https://') ? null : 'not https');
  const desk = new BookDesk({ book, documents, blobs, clock, secrets, webhookFault });
  closers.push(() => desk.close());
  /** Files of blobs that there are. */
  const files = () =>
    readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
  return { clock, store, blobs, book, bookOf, desk, files, app: callerOf('app').caller };
}

/** Bytes as a backend sends them. */
export async function* sent(...pieces: readonly string[]): AsyncIterable<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}
