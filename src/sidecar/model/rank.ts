import { priorityHeader, priorityOf } from '../../admission/request-class.ts';
import type { PriorityClass } from '../../admission/waiter.ts';
import { deadlineHeaders, patienceMs } from '../../core/client-deadline.ts';
import type { FlatHeaders } from '../../forward/headers.ts';
import { fieldOf } from '../../relay/traffic.ts';
import type { ModelFeatures } from '../settings.ts';

/** Where a request stands among those that wait. */
export interface Rank {
  readonly priority: PriorityClass;
  /** Longest wait from the arrival; Infinity: none. */
  readonly patienceMs: number;
}

/** What everybody has where nobody is asked. */
export function commonRank({ queueTimeoutMs }: ModelFeatures): Rank {
  return { priority: 1, patienceMs: patienceMs({}, queueTimeoutMs, 0) };
}

/** What the request's fields ask for, as far as it is obeyed; `common` where nothing is. */
export function rankOf(features: ModelFeatures, fields: FlatHeaders, common: Rank): Rank {
  const { priorities, deadlines, queueTimeoutMs } = features;
  if (!priorities && !deadlines) return common;
  return {
    priority: priorities ? priorityOf(pick(fields, [priorityHeader]), null) : common.priority,
    patienceMs: deadlines ? patienceMs(pick(fields, deadlineHeaders), queueTimeoutMs, 0) : common.patienceMs,
  };
}

function pick(fields: FlatHeaders, names: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(names.map((name) => [name, fieldOf(fields, name)]));
}
