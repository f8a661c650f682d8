import type { Clock } from '../core/clock.ts';
import type { Driver, Target } from '../core/driver.ts';
import type { GateControl } from '../core/gate.ts';
import type { Sleeper } from '../core/ladder.ts';
import type { Leadership } from '../core/leadership.ts';
import type { LoadGauge } from '../core/load-gauge.ts';
import type { Prober } from '../core/prober.ts';
import type { Seat } from '../core/room.ts';
import type { Decide } from '../core/scaling.ts';
import type { FirstTokenTotals } from '../core/signals.ts';
import type { OnActivationEvent } from './events.ts';
import type { RoomAccess } from './room-access.ts';
import type { ActivationSettings } from './settings.ts';

/** What a revision's life depends on. `random` spreads the back-off. */
export interface LifecycleOptions {
  readonly target: Target;
  readonly driver: Driver;
  readonly prober: Prober;
  readonly gate: GateControl;
  readonly clock: Clock;
  readonly decide: Decide;
  readonly random: () => number;
  /** Who leads the group of gateways; default: this one, always. */
  readonly leadership?: Leadership;
  /** Asked before an idle replica is ended and for signals, where the settings say so; default: nobody. */
  readonly gauge?: LoadGauge | null;
  /** Sums over the model's streamed answers; default: nobody measures them. */
  firstTokens?(): FirstTokenTotals;
  /** Who moves replicas on the ladder of the settings of the moment: asked for whenever that changes; default, and null: nobody. */
  readonly sleeper?: () => Sleeper | null;
  readonly onEvent?: OnActivationEvent;
  /** null, or absent: there is room for as many replicas as are wanted. */
  readonly room?: RoomAccess | null;
  /** Its claim on the room that all models share; null: it takes none. */
  seat(): Seat | null;
  /** The settings of the moment. */
  settings(): ActivationSettings;
  /** True while nothing may be started or ended on the scaler's account. */
  isHeld(): boolean;
  /** Ends every wait. */
  readonly signal: AbortSignal;
}
