import { randomBytes } from 'node:crypto';
import type { BlobStore } from '../../src/core/blobs.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { Job } from '../../src/core/job.ts';
import type { Delivery, JobStore } from '../../src/core/job-store.ts';
import type { WebhookSender } from '../../src/core/webhook.ts';
import { Deliveries, type DeliveriesOptions } from '../../src/jobs/deliveries.ts';
import type { DeliveryTrial } from '../../src/jobs/delivery-trial.ts';
import { WebhookSecrets } from '../../src/jobs/webhook-secrets.ts';
import { contractOf } from '../../src/protocols/contracts/contracts.ts';
import { createWebhookSender } from '../../src/webhooks/http-sender.ts';
import { aJob } from './job.ts';

/** Deliveries under test, with what they tell of. */
export interface Outbox {
  readonly deliveries: Deliveries;
  readonly secrets: WebhookSecrets;
  readonly trials: readonly DeliveryTrial[];
  readonly faults: readonly unknown[];
  /** Resolves once `count` tries are over. */
  tried(count: number): Promise<void>;
}

const noBlobs = {} as BlobStore;

/** Started over a store; the real sender goes to loopback. */
export function openOutbox(
  store: JobStore,
  clock: Clock,
  given: Partial<DeliveriesOptions> & { readonly sender?: WebhookSender } = {},
): Outbox {
  const settings = { timeoutMs: 20_000, giveUpAfterMs: 86_400_000, ...given.settings };
  const secrets = new WebhookSecrets({ documents: store.documents, nowMs: () => store.nowMs(), randomBytes });
  const trials: DeliveryTrial[] = [];
  const faults: unknown[] = [];
  const waiting = new Set<() => void>();
  const allowed = { ...settings, allow: ['127.0.0.0/8'], allowHttp: true };
  const deliveries = new Deliveries({
    ...{ store, clock, secrets, settings, blobs: noBlobs, random: () => 0.5 },
    sender: createWebhookSender({ settings: allowed, clock: systemClock }),
    contractOf: () => contractOf('openai'),
    render: ({ job, event }) => JSON.stringify({ id: job.id, event, state: job.state }),
    onTried: (trial) => {
      trials.push(trial);
      for (const look of waiting) look();
    },
    onFault: (error) => faults.push(error),
    ...given,
  });
  deliveries.start();
  const tried = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (trials.length >= count) resolve();
      };
      waiting.add(look);
      look();
    });
  return { deliveries, secrets, trials, faults, tried };
}

/** Commits a job whose end its receiver is to be told of. */
export async function tell(
  store: JobStore,
  id: string,
  url: string,
  given: Partial<Job> = {},
): Promise<Delivery> {
  const job = aJob({ id, state: 'succeeded', webhook: { url, events: ['completed'] }, ...given });
  const nowMs = store.nowMs();
  const times = { createdAtMs: nowMs, dueAtMs: nowMs, attempts: 0 };
  const delivery = { id: `msg_${id}`, jobId: id, event: 'completed' as const, ...times };
  await store.commit([{ expected: 0, id, next: { ...job, endedAtMs: nowMs }, deliveries: [delivery] }]);
  return delivery;
}

/** A store of which some members are played. */
export function withMembers(store: JobStore, members: Partial<JobStore>): JobStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(name in members ? members : target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
