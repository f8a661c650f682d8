import type { Trace } from './trace.ts';

/** Only the requests that arrive before `toMs`, where the trace ends. */
export function cutAt(trace: Trace, toMs: number): Trace {
  const after = trace.arrivalMs.findIndex((ms) => ms >= toMs);
  const count = after === -1 ? trace.count : after;
  return {
    ...trace,
    count,
    arrivalMs: trace.arrivalMs.subarray(0, count),
    execMs: trace.execMs.subarray(0, count),
    model: trace.model.subarray(0, count),
    endMs: Math.min(trace.endMs, toMs),
  };
}
