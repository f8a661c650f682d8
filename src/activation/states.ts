/**
 * What a revision is doing, as a whole.
 *
 * | state | meaning | woken | ready | unready | failed | ending | gone |
 * |---|---|---|---|---|---|---|---|
 * | cold | no replica is asked for (or a fixed one is away and nobody asks) | starting | ready | - | failed | - | - |
 * | starting | replicas are asked for, none takes requests yet | - | ready | - | failed | draining | cold |
 * | ready | at least one replica takes requests | - | - | starting | - | draining | cold |
 * | draining | all replicas are being ended | starting | ready | - | failed | - | cold |
 * | failed | the last start failed; refused during the back-off | starting | ready | - | failed | - | - |
 *
 * `-` means that the state stays.
 */
export type ActivationState = 'cold' | 'starting' | 'ready' | 'draining' | 'failed';

/**
 * | signal | when |
 * |---|---|
 * | woken | replicas were asked for |
 * | ready | a replica takes requests (again) |
 * | unready | the last one that took requests does not any more, and another or the same may again |
 * | failed | a start failed and no other replica is there or on its way (what is left of it may still be ending) |
 * | ending | all replicas were told to end |
 * | gone | no replica is left and none is asked for |
 */
export type ActivationSignal = 'woken' | 'ready' | 'unready' | 'failed' | 'ending' | 'gone';

const table: Record<ActivationState, Partial<Record<ActivationSignal, ActivationState>>> = {
  cold: { woken: 'starting', ready: 'ready', failed: 'failed' },
  starting: { ready: 'ready', failed: 'failed', ending: 'draining', gone: 'cold' },
  ready: { unready: 'starting', ending: 'draining', gone: 'cold' },
  draining: { woken: 'starting', ready: 'ready', failed: 'failed', gone: 'cold' },
  failed: { woken: 'starting', ready: 'ready', failed: 'failed' },
};

/** The state after a signal. Pure. */
export function transition(state: ActivationState, signal: ActivationSignal): ActivationState {
  return table[state][signal] ?? state;
}
