import type { Cancel, Clock } from '../core/clock.ts';
import type { Job } from '../core/job.ts';
import type { Delivery } from '../core/job-store.ts';
import type { DeliveredJob } from '../core/surface.ts';
import type { WebhookMessage, WebhookOutcome, WebhookSender } from '../core/webhook.ts';
import { retryDelayMs } from './delivery-backoff.ts';
import { type DeliverySources, deliveredJob, unwritten } from './delivery-content.ts';
import { DeliveryLanes, type LaneItem } from './delivery-lanes.ts';
import type { DeliveryTrial } from './delivery-trial.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';

/** What deliveries are made with. */
export interface DeliveriesOptions extends DeliverySources {
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly secrets: WebhookSecrets;
  readonly sender: WebhookSender;
  /** The body of a webhook, written by the surface that its job came by; null: that surface has none (any more). */
  readonly render: (delivered: DeliveredJob) => string | null;
  /** For one try, and for all of them, in ms. */
  readonly settings: { readonly timeoutMs: number; readonly giveUpAfterMs: number };
  readonly onTried: (trial: DeliveryTrial) => void;
  /** The store cannot be asked, or a webhook cannot be written: what became of it is not known, it is tried again. */
  readonly onFault: (error: unknown) => void;
}

interface Held extends LaneItem {
  readonly delivery: Delivery;
  /** By the store's clock: from then on another may take it. */
  readonly untilMs: number;
}

const limits = { all: 64, perHost: 8, perAilingHost: 1, waitingPerHost: 16 };
const maxHeld = 1_024;
/** After a commit it is looked for deliveries that late: many commits, one look. */
const lookDelayMs = 50;
/** Without any sign, for those that another process wrote and a lost connection did not tell of. */
const idleLookMs = 10_000;
const faultDelayMs = 1_000;
/** How long tries that are on their way may end by themselves when the gateway ends. */
const closeGraceMs = 1_000;

/**
 * Sends what the outbox of the store holds: written in the commit it tells of, taken for a while, ended by its receiver's answer.
 * A process that dies between delivery and settling leaves it to whoever looks after that while, under the same id.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #lanes = new DeliveryLanes<Held>(limits);
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #unwatch: Cancel | null = null;
  #cancelTimer: Cancel | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isClosed = false;
  #looking: Promise<void> | null = null;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Begins with what an earlier process has left. */
  start(): void {
    this.#unwatch = this.#options.store.watch(() => this.#lookIn(lookDelayMs));
    this.#lookIn(0);
  }

  /** Tries that are on their way; what waits for its turn included. */
  get held(): number {
    return this.#lanes.size;
  }

  /** Takes nothing more; what is on its way is waited for shortly, then cut and left for the next process. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch?.();
    this.#cancelTimer?.();
    await this.#looking;
    const { clock } = this.#options;
    const cancel = clock.setTimer(clock.nowMs() + closeGraceMs, () => this.#stop.abort());
    await Promise.all([...this.#running, ...this.#lanes.clear().map((held) => this.#putBack(held, 0))]);
    cancel();
  }

  #lookIn(ms: number): void {
    const { clock } = this.#options;
    const atMs = clock.nowMs() + ms;
    if (this.#isClosed || atMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = atMs;
    this.#cancelTimer = clock.setTimer(atMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null;
      });
    });
  }

  /** Takes what is due, as much as there is room for; most looks after a commit find nothing, and write nothing. */
  async #look(): Promise<void> {
    const { store, onFault } = this.#options;
    try {
      while (!this.#isClosed && this.#lanes.size < maxHeld) {
        const waitMs = ((await store.nextDeliveryMs()) ?? Number.POSITIVE_INFINITY) - store.nowMs();
        if (waitMs > 0) return this.#lookIn(Math.min(idleLookMs, waitMs));
        await this.#take();
      }
      // Full: it is looked again when one is over.
    } catch (error) {
      onFault(error);
      this.#lookIn(faultDelayMs);
    }
  }

  async #take(): Promise<void> {
    const { store } = this.#options;
    const room = Math.min(100, maxHeld - this.#lanes.size);
    const nowMs = store.nowMs();
    const untilMs = nowMs + this.#holdMs;
    const taken = await store.takeDeliveries(nowMs, untilMs, room);
    const jobs = await store.getMany(taken.map(({ jobId }) => jobId));
    const refused: Promise<void>[] = [];
    for (const [i, delivery] of taken.entries()) {
      const url = jobs[i]?.webhook?.url ?? '';
      const held = { host: URL.parse(url)?.host ?? '', jobId: delivery.jobId, delivery, untilMs };
      const waitMs = this.#lanes.add(held);
      if (waitMs === null) this.#pump();
      else refused.push(this.#putBack(held, 1_000 + Math.min(60_000, waitMs)));
    }
    await Promise.all(refused);
  }

  /** Time for a turn at the receiver, and for a try then. */
  get #holdMs(): number {
    return this.#options.settings.timeoutMs * 3;
  }

  #pump(): void {
    if (this.#isClosed) return;
    for (let held = this.#lanes.next(); held !== null; held = this.#lanes.next()) {
      const run: Promise<void> = this.#run(held).finally(() => {
        this.#running.delete(run);
        this.#pump();
        if (!this.#looking) this.#lookIn(lookDelayMs);
      });
      this.#running.add(run);
    }
  }

  /** Never rejects. */
  async #run(held: Held): Promise<void> {
    const { clock } = this.#options;
    const beganMs = clock.nowMs();
    const outcome = await this.#try(held).catch((error: unknown) => {
      this.#options.onFault(error);
      return null;
    });
    const isAnswered = outcome === null ? null : outcome.status !== null;
    this.#lanes.done(held, { isAnswered, tookMs: clock.nowMs() - beganMs });
  }

  /** null: nothing was sent. */
  async #try(held: Held): Promise<WebhookOutcome | null> {
    const { store, settings } = this.#options;
    const { delivery, untilMs } = held;
    // It has waited so long for its turn that another may take it while it is sent.
    if (store.nowMs() + settings.timeoutMs > untilMs) {
      await this.#putBack(held, 0);
      return null;
    }
    const job = await store.get(delivery.jobId);
    const message = job === null ? null : await this.#messageOf(job, delivery).catch(unwritten);
    if (job === null || message === null) {
      await this.#settle(delivery, null);
      return null;
    }
    return await this.#send(held, job, message);
  }

  async #messageOf(job: Job, delivery: Delivery): Promise<WebhookMessage | null> {
    const { secrets, render } = this.#options;
    const body = job.webhook === null ? null : render(await deliveredJob(job, delivery, this.#options));
    if (job.webhook === null || body === null) return null;
    const { id } = delivery;
    return { id, url: job.webhook.url, body, secrets: await secrets.signing(job.tenant) };
  }

  async #send(held: Held, job: Job, message: WebhookMessage | WebhookOutcome): Promise<WebhookOutcome> {
    const { sender, clock } = this.#options;
    const beganMs = clock.nowMs();
    const outcome = 'kind' in message ? message : await sender.send(message, this.#stop.signal);
    await this.#end({ job, held, outcome, tookMs: clock.nowMs() - beganMs });
    return outcome;
  }

  async #end({ job, held, outcome, tookMs }: Ended): Promise<void> {
    const { delivery } = held;
    if (this.#stop.signal.aborted && outcome.kind === 'failed') return await this.#putBack(held, 0);
    const { store, random, settings, onTried } = this.#options;
    const attempts = delivery.attempts + 1;
    const nowMs = store.nowMs();
    const delayMs =
      outcome.kind === 'delivered' || outcome.isFinal
        ? null
        : retryDelayMs({
            attempts,
            retryAfterMs: outcome.retryAfterMs,
            random: random(),
            ageMs: nowMs - delivery.createdAtMs,
            giveUpAfterMs: settings.giveUpAfterMs,
          });
    await this.#settle(
      delivery,
      delayMs === null ? null : { ...delivery, attempts, dueAtMs: nowMs + delayMs },
    );
    const isDelivered = outcome.kind === 'delivered';
    onTried({
      ...{ job, event: delivery.event, attempts, tookMs },
      outcome: isDelivered ? 'delivered' : delayMs === null ? 'given_up' : 'retried',
      reason: isDelivered ? null : outcome.reason,
    });
  }

  /** It is due again after `delayMs`, as if it had not been taken. */
  #putBack({ delivery }: Held, delayMs: number): Promise<void> {
    const dueAtMs = this.#options.store.nowMs() + delayMs;
    return this.#settle(delivery, { ...delivery, dueAtMs }).catch(this.#options.onFault);
  }

  /** Whoever took it meanwhile settles it: its receiver knows the second one by its id. */
  async #settle(delivery: Delivery, next: Delivery | null): Promise<void> {
    await this.#options.store.settleDelivery(delivery, next);
  }
}

interface Ended {
  readonly job: Job;
  readonly held: Held;
  readonly outcome: WebhookOutcome;
  readonly tookMs: number;
}
