import type { DeliveryEvent, Job } from '../core/job.ts';

/** A try that is over, for metrics and the log. */
export interface DeliveryTrial {
  readonly job: Job;
  readonly event: DeliveryEvent;
  /** `retried`: it goes out again later; `given_up`: never again. */
  readonly outcome: 'delivered' | 'retried' | 'given_up';
  /** Why not, in words without the url; null: it was delivered. */
  readonly reason: string | null;
  readonly attempts: number;
  readonly tookMs: number;
}
