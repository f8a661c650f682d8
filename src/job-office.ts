import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Settings } from './config/settings.ts';
import type { StoreSettings } from './config/store.ts';
import type { Clock } from './core/clock.ts';
import type { Desk, JobDesk } from './core/desk.ts';
import type { JobStore } from './core/job-store.ts';
import type { DeliveredJob, Surface } from './core/surface.ts';
import { pokingDocuments } from './jobs/batch-poke.ts';
import { BatchRunner } from './jobs/batch-runner.ts';
import { JobBook } from './jobs/book.ts';
import { BookDesk } from './jobs/book-desk.ts';
import { Deliveries } from './jobs/deliveries.ts';
import type { DeliveryTrial } from './jobs/delivery-trial.ts';
import { Pump } from './jobs/pump.ts';
import { Sweeper } from './jobs/sweeper.ts';
import { WebhookSecrets } from './jobs/webhook-secrets.ts';
import type { Log } from './meter/log.ts';
import type { Pipeline } from './pipeline.ts';
import { contractOf } from './protocols/contracts/contracts.ts';
import { openDirectoryBlobs } from './stores/directory/blobs.ts';
import { createWebhookSender } from './webhooks/http-sender.ts';

/** What jobs are kept, run and told of with. */
export interface JobOfficeOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  readonly pipeline: Pipeline;
  /** Those that are switched on. */
  readonly surfaces: readonly Surface[];
  readonly onTried: (trial: DeliveryTrial) => void;
}

/** Where jobs are taken in, run and delivered. */
export interface JobOffice {
  readonly jobs: JobDesk;
  readonly store: JobStore;
  /** Begins to run and to deliver; what a process that has ended left half done is queued again when it resolves. */
  start(desk: Desk): Promise<void>;
  /** From now on nothing is begun; what runs goes on. */
  stop(): void;
  /** Ends what still runs, writes what is left to write, and closes the store last. */
  close(): Promise<void>;
}

/** Opens the store and what stands on it. Rejects where the store cannot be opened. */
export async function openJobOffice(options: JobOfficeOptions): Promise<JobOffice> {
  const { settings, clock, log, pipeline } = options;
  const onFault = (error: unknown) => log.error({ err: error }, 'jobs-fault');
  const store = await openStore(settings.store, { clock, onFault });
  const blobs = openDirectoryBlobs({ dir: join(settings.stateDir, 'blobs'), clock });
  const owner = randomUUID();
  const { random } = Math;
  const book = new JobBook({ ...{ store, blobs, owner, random }, settings: settings.jobs });
  const running: { readonly pump: Pump; readonly batches: BatchRunner }[] = [];
  const documents = pokingDocuments(store.documents, () => running[0]?.batches.poke());
  const secrets = new WebhookSecrets({ documents, nowMs: () => store.nowMs(), randomBytes });
  const sender = createWebhookSender({ settings: settings.jobs.webhooks, clock });
  const jobs = new BookDesk({
    ...{ book, blobs, clock, secrets, documents },
    webhookFault: (url) => sender.fault(url),
  });
  const sweeper = new Sweeper({ clock, book, onFault });
  const find = (name: string) => pipeline.options.directory.find(name);
  const deliveries = new Deliveries({
    ...{ store, blobs, clock, random, secrets, sender, onFault },
    contractOf: (model) => contractOf(find(model)?.settings.contract.name ?? 'openai'),
    render: renderer(options.surfaces),
    settings: settings.jobs.webhooks,
    onTried: (trial) => {
      options.onTried(trial);
      logTrial(log, trial);
    },
  });
  return {
    jobs,
    store,
    async start(desk) {
      const model = (name: string) => desk.model(name);
      const pump = new Pump({ ...{ book, pipeline, clock, find, onFault }, model });
      const batches = new BatchRunner({
        ...{ desk, store, clock, owner, leaseMs: settings.jobs.leaseMs },
        onFault: ({ batchId, error }) => log.error({ err: error, batchId }, 'batch-fault'),
      });
      running.push({ pump, batches });
      await sweeper.start();
      pump.start();
      batches.start();
      deliveries.start();
    },
    stop() {
      for (const { pump } of running) pump.stop();
    },
    async close() {
      for (const { pump, batches } of running) await Promise.all([pump.close(), batches.close()]);
      await sweeper.close();
      await deliveries.close();
      jobs.close();
      await store.close();
    },
  };
}

/** Each kind is loaded only where it is configured. */
async function openStore(
  store: StoreSettings,
  options: { readonly clock: Clock; readonly onFault: (error: unknown) => void },
): Promise<JobStore> {
  switch (store.kind) {
    case 'memory':
      return (await import('./stores/memory/store.ts')).openMemoryStore(options);
    case 'sqlite':
      return await (await import('./stores/sqlite/store.ts')).openSqliteStore({
        ...options,
        file: store.file,
      });
    case 'redis':
      return await (await import('./stores/redis/redis-store.ts')).openRedisStore({
        ...options,
        url: store.url,
      });
  }
}

/** A job of a surface that is switched off is told of no more. */
function renderer(surfaces: readonly Surface[]): (delivered: DeliveredJob) => string | null {
  const byName = new Map<string, Surface>(surfaces.map((surface) => [surface.name, surface]));
  return (delivered) => byName.get(delivered.job.surface)?.renderDelivery?.(delivered) ?? null;
}

function logTrial(log: Log, { job, event, outcome, reason, attempts }: DeliveryTrial): void {
  if (outcome === 'delivered') return;
  const facts = { job: job.id, surface: job.surface, event, outcome, reason, attempts };
  if (outcome === 'given_up') log.warn(facts, 'webhook-given-up');
  else log.info(facts, 'webhook-retried');
}
