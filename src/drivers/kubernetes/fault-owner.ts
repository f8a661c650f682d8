import type { StartFault } from '../../core/driver.ts';
import type { EventView } from './fault-events.ts';
import { type Verdict, verdict } from './fault-verdict.ts';

/** How ReplicaSet, StatefulSet, LeaderWorkerSet and Deployment controllers say that they cannot create. */
const failures = new Set(['FailedCreate', 'ReplicaSetCreateError']);

/** Answers of the API server and its admission plugins, the special ones first. */
const faultByWords: readonly (readonly [RegExp, StartFault])[] = [
  [/exceeded quota|failed quota:/i, 'quota'],
  [
    /service ?account "?[^"]*"? (?:was )?not found|error looking up service account|no PriorityClass with name|RuntimeClass "[^"]*" not found/i,
    'missing',
  ],
  [/cannot (?:create|get|list|patch|update) resource/i, 'forbidden'],
  [
    /denied the request|denied request|violates PodSecurity|is forbidden|is invalid|pod rejected/i,
    'admission',
  ],
];

/** The API server, or a webhook that it asks, does not answer: the controller tries again. */
const passing =
  /failed calling webhook|context deadline exceeded|connection refused|etcdserver:|timed? ?out|TooManyRequests|InternalError/i;

/**
 * Why a controller creates no pods, by its newest event, or null: when none tells of a failure, or when it created one
 * later. Events stay for an hour: hand over only those that came since the count was raised.
 */
export function judgeOwner(events: readonly EventView[]): Verdict | null {
  const newest = (all: readonly EventView[]) => all.toSorted((a, b) => b.lastMs - a.lastMs)[0];
  const failure = newest(events.filter(({ reason }) => failures.has(reason)));
  const success = newest(events.filter(({ reason }) => reason === 'SuccessfulCreate'));
  if (failure === undefined || (success !== undefined && success.lastMs > failure.lastMs)) return null;
  const message = failure.message
    .replace(/^\(combined from similar events\): /, '')
    .replace(/^Error creating: /, '');
  const reason = `${failure.about.kind} "${failure.about.name}" creates no pod: ${message}`;
  if (passing.test(message)) return verdict(reason);
  const fault = faultByWords.find(([words]) => words.test(message))?.[1];
  return verdict(reason, fault === undefined ? {} : { fault, isTerminal: true });
}
