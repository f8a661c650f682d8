import type { ProcessBackend } from '../../config/settings.ts';
import type { ScaleRequest, Target, TargetStatus } from '../../core/driver.ts';
import type { ReplicaProcess } from './replica-process.ts';
import { StatusFeed } from './status-feed.ts';

/** Exits that nobody watches are kept for the next watcher, this many. */
const maxUntoldExits = 16;

export interface TargetProcessesOptions {
  /** Makes a replica that is not launched yet; `onChange` after each change of it. */
  readonly createReplica: (target: Target<ProcessBackend>, onChange: () => void) => ReplicaProcess;
  readonly onFault: (error: unknown) => void;
}

/**
 * The processes of one target. There are never more at once than were asked for, those that are ending included: they
 * still hold the memory of the GPU, so a replica asked for waits (phase `starting`) until they are gone.
 */
export class TargetProcesses {
  readonly #options: TargetProcessesOptions;
  readonly #feed: StatusFeed;
  #replicas: ReplicaProcess[] = [];
  #exited: ReplicaProcess[] = [];
  #desired = 0;
  #failure: string | null = null;

  constructor(options: TargetProcessesOptions) {
    this.#options = options;
    this.#feed = new StatusFeed({
      snapshot: () => this.#status(),
      onTold: () => this.#dropExited(),
      onFault: options.onFault,
    });
  }

  /** Whether nothing would be lost by forgetting it. */
  get isIdle(): boolean {
    return this.#replicas.length === 0 && this.#desired === 0 && !this.#feed.isWatched;
  }

  /** See `Driver.scale`. */
  scale(target: Target<ProcessBackend>, { replicas: desired, victims = [] }: ScaleRequest): void {
    this.#desired = desired;
    this.#failure = null;
    const active = this.#replicas.filter(({ phase }) => phase === 'starting' || phase === 'running');
    for (const replica of chooseVictims(active, active.length - desired, victims)) replica.stop();
    for (let missing = desired - active.length; missing > 0; missing--)
      this.#replicas.push(this.#options.createReplica(target, () => this.#onChange()));
    this.#launchWaiting();
    this.#feed.publish();
  }

  /** See `Driver.watch`. */
  watch(onStatus: (status: TargetStatus) => void, signal: AbortSignal): Promise<void> {
    return this.#feed.watch(onStatus, signal);
  }

  /** Ends all of them; resolves when they are gone. */
  async stop(): Promise<void> {
    this.#desired = 0;
    const replicas = [...this.#replicas];
    for (const replica of replicas) replica.stop();
    await Promise.all(replicas.map((replica) => replica.ended));
  }

  #status(): TargetStatus {
    return {
      replicas: [...this.#replicas, ...this.#exited].map((replica) => replica.status()),
      ...(this.#failure === null ? {} : { failure: this.#failure }),
    };
  }

  #onChange(): void {
    const exited = this.#replicas.filter(({ phase }) => phase === 'exited');
    if (exited.length > 0) {
      this.#replicas = this.#replicas.filter(({ phase }) => phase !== 'exited');
      this.#exited = [...this.#exited, ...exited].slice(-maxUntoldExits);
      this.#failure = exited.at(-1)?.failure ?? this.#failure;
      this.#launchWaiting();
    }
    this.#feed.publish();
  }

  #launchWaiting(): void {
    const waiting = this.#replicas.filter((replica) => !replica.isLaunched);
    const room = this.#desired - (this.#replicas.length - waiting.length);
    for (const replica of waiting.slice(0, Math.max(0, room))) void replica.launch();
  }

  #dropExited(): void {
    if (this.#exited.length === 0) return;
    this.#exited = [];
    this.#feed.publish();
  }
}

/** The asked-for ones, then those not launched yet, then the youngest. */
function chooseVictims(
  active: readonly ReplicaProcess[],
  count: number,
  ids: readonly string[],
): ReplicaProcess[] {
  const rank = (replica: ReplicaProcess) => (ids.includes(replica.id) ? 2 : replica.isLaunched ? 0 : 1);
  const sorted = active.toReversed().sort((a, b) => rank(b) - rank(a));
  return sorted.slice(0, Math.max(0, count));
}
