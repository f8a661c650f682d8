/** Cancels what it was returned for; calling it again does nothing. */
export type Cancel = () => void;

/**
 * The only source of time. Everything that waits or compares instants takes a Clock (or `nowMs`), so that tests
 * and the simulator drive the same code with a virtual one.
 */
export interface Clock {
  /** Monotonic milliseconds (fractional) from an arbitrary origin: for durations and deadlines. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch: for what people and other machines read. */
  wallMs(): number;
  /** Runs `fn` once when `nowMs()` reaches `atMs` (at once, but never synchronously, when that has passed). */
  setTimer(atMs: number, fn: () => void): Cancel;
  /** Resolves after `ms`; rejects with the signal's reason when aborted first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Node refuses delays above 2^31 - 1 ms and would fire at once. */
const maxDelayMs = 2_147_483_647;

/** The real clock: `performance.now`, `Date.now`, `setTimeout`. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(atMs, fn) {
    const delayMs = Math.min(maxDelayMs, Math.max(0, Math.ceil(atMs - performance.now())));
    const timer = setTimeout(fn, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  },
};
