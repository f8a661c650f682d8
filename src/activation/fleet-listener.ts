import type { TargetStatus } from '../core/driver.ts';
import type { Replica } from './replica.ts';
import type { Start } from './start.ts';

/** What the fleet tells and asks its activator. */
export interface FleetListener {
  /** It was in the list and is not any more, or exited; `isExpected`: it was told to end. */
  onExit(replica: Replica, isExpected: boolean): void;
  /** A start of this replica was seen to begin. */
  onBegin(start: Start): void;
  /** The target as a whole cannot start. */
  onTargetFailure(status: TargetStatus): void;
  /** The driver refused to scale. */
  onScaleFailed(error: unknown): void;
  /** The count is what somebody else made it; `isFound`: it was that before anything was known. */
  onOthers(count: number, isFound: boolean): void;
  /** One that was to end runs requests that came past the gateway, and stays. */
  onVeto(replica: Replica, running: number): void;
  /** After every change of the list. */
  onChange(): void;
  /** Whether counts may be written. */
  mayScale(): boolean;
  /** Whether they may be lowered. */
  mayLower(): boolean;
}
