/**
 * What a revision is doing, as a whole.
 *
 * | state | meaning | woken | ready | unready | failed | asleep | ending | gone |
 * |---|---|---|---|---|---|---|---|---|
 * | cold | no replica is asked for (or a fixed one is away and nobody asks) | starting | ready | - | failed | asleep | - | - |
 * | starting | replicas are asked for or woken, none takes requests yet | - | ready | - | failed | asleep | draining | cold |
 * | ready | at least one replica takes requests | - | - | starting | - | asleep | draining | cold |
 * | asleep | all replicas sleep, or are being put to sleep | starting | ready | starting | failed | - | draining | cold |
 * | draining | all replicas are being ended | starting | ready | - | failed | asleep | - | cold |
 * | failed | the last start failed; refused during the back-off | starting | ready | - | failed | asleep | - | - |
 *
 * `-` means that the state stays.
 */
export type ActivationState = 'cold' | 'starting' | 'ready' | 'asleep' | 'draining' | 'failed';

/**
 * | signal | when |
 * |---|---|
 * | woken | replicas were asked for, or one that sleeps |
 * | ready | a replica takes requests (again) |
 * | unready | the last one that took requests does not any more, or that slept is lost, and another or the same may again |
 * | failed | a start failed and no other replica is there or on its way (what is left of it may still be ending) |
 * | asleep | the last one that was awake is being put to sleep, or one was found that sleeps |
 * | ending | all replicas were told to end |
 * | gone | no replica is left and none is asked for |
 */
export type ActivationSignal = 'woken' | 'ready' | 'unready' | 'failed' | 'asleep' | 'ending' | 'gone';

const table: Record<ActivationState, Partial<Record<ActivationSignal, ActivationState>>> = {
  cold: { woken: 'starting', ready: 'ready', failed: 'failed', asleep: 'asleep' },
  starting: { ready: 'ready', failed: 'failed', asleep: 'asleep', ending: 'draining', gone: 'cold' },
  ready: { unready: 'starting', asleep: 'asleep', ending: 'draining', gone: 'cold' },
  asleep: {
    woken: 'starting',
    ready: 'ready',
    unready: 'starting',
    failed: 'failed',
    ending: 'draining',
    gone: 'cold',
  },
  draining: { woken: 'starting', ready: 'ready', failed: 'failed', asleep: 'asleep', gone: 'cold' },
  failed: { woken: 'starting', ready: 'ready', failed: 'failed', asleep: 'asleep' },
};

/** The state after a signal. Pure. */
export function transition(state: ActivationState, signal: ActivationSignal): ActivationState {
  return table[state][signal] ?? state;
}
