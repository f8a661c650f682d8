import type { Clock } from '../../core/clock.ts';
import type { Leadership } from '../../core/leadership.ts';
import type { KubeApi } from '../../kube/api.ts';
import type { Mirrors } from '../../kube/mirror.ts';
import type { Resources } from '../../kube/resource.ts';

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
  /** A watcher threw, or the like: nothing that the driver can mend. */
  onFault(error: unknown): void;
}
