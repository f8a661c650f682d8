/** What a further replica is weighed by. */
export interface StartQuestion {
  readonly waiting: number;
  /** Replicas that are there or start. */
  readonly current: number;
  /** As many as the requests of the moment fill; more are never worth it. */
  readonly filled: number;
  /** Per replica; 0 = no limit. */
  readonly concurrency: number;
  /** How long a start takes; null: not known. */
  readonly startMs: number | null;
  /** How long a request holds its slot; null: not known. */
  readonly serviceMs: number | null;
  /** Requests per millisecond, besides those that wait. */
  readonly arrivalRate: number;
}

/**
 * How many replicas are worth having: a first one for whoever asks; another one only where the queue would take longer to
 * drain by those there are than the other one takes to start, since else it came for nothing. Where neither time is known,
 * as many as the requests fill. Pure.
 */
export function worthStarting(question: StartQuestion): number {
  const { current, filled, startMs, serviceMs } = question;
  if (filled <= Math.max(1, current) || startMs === null || serviceMs === null) return filled;
  let count = Math.max(1, current);
  while (count < filled && drainMs(count, serviceMs, question) > startMs) count++;
  return count;
}

/** Until the queue is empty, with so many replicas at work and as many requests coming as lately; Infinity: it never is. */
function drainMs(
  count: number,
  serviceMs: number,
  { waiting, concurrency, arrivalRate }: StartQuestion,
): number {
  const surplusRate = (count * concurrency) / serviceMs - arrivalRate;
  return surplusRate <= 0 ? Number.POSITIVE_INFINITY : waiting / surplusRate;
}
