import type { Clock } from '../../core/clock.ts';
import type { Leadership } from '../../core/leadership.ts';
import type { KubeApi } from '../../kube/api.ts';
import type { Mirrors } from '../../kube/mirror.ts';
import type { Resources } from '../../kube/resource.ts';

/** Why a log was not read. */
export interface UnreadLog {
  readonly namespace: string;
  readonly pod: string;
  /** No Role grants it. */
  readonly isDenied: boolean;
  readonly error: unknown;
}

/** What the drivers for a cluster work with. */
export interface KubernetesDriverOptions {
  readonly api: KubeApi;
  readonly mirrors: Mirrors;
  readonly resources: Resources;
  readonly clock: Clock;
  readonly leadership: Leadership;
  /** How long this gateway surely leads from now on, milliseconds; Infinity without a group. */
  leadsFor(): number;
  /** By which its writes are known in `metadata.managedFields`. */
  readonly fieldManager: string;
  /**
   * The log of a container that crashed could not be read: the crash is told without its last line. A denial is told once
   * for each namespace.
   */
  onUnreadLog(unread: UnreadLog): void;
  /** A watcher threw, or the like: nothing that the driver can mend. */
  onFault(error: unknown): void;
}
