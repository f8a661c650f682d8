import type { Driver, ReplicaStatus, Target, TargetStatus } from '../../src/core/driver.ts';

/** Watches a target and lets a test wait for what it is told. */
export class StatusLog {
  readonly statuses: TargetStatus[] = [];
  readonly #controller = new AbortController();
  readonly #checks = new Set<() => void>();
  readonly #ended: Promise<void>;

  constructor(driver: Driver<never> | Driver, target: Target) {
    this.#ended = (driver as Driver).watch(target, (status) => this.#take(status), this.#controller.signal);
  }

  get last(): TargetStatus {
    return this.statuses.at(-1)!;
  }

  /** Replicas of the last status in this phase. */
  in(phase: ReplicaStatus['phase']): readonly ReplicaStatus[] {
    return this.last.replicas.filter((replica) => replica.phase === phase);
  }

  /** Resolves with the first status, told already or later, that passes. */
  async find(passes: (status: TargetStatus) => boolean): Promise<TargetStatus> {
    await this.#until(() => this.statuses.some(passes));
    return this.statuses.find(passes)!;
  }

  /** Resolves when the last status has this many running and nothing else. */
  async settled(count: number): Promise<readonly ReplicaStatus[]> {
    await this.#until(() => {
      const { replicas } = this.last;
      return replicas.length === count && replicas.every(({ phase }) => phase === 'running');
    });
    return this.last.replicas;
  }

  /** Resolves when the last status does not have this replica any more. */
  gone(id: string): Promise<void> {
    return this.#until(() => !this.last.replicas.some((replica) => replica.id === id));
  }

  /** The first report of an exit. */
  async exit(): Promise<ReplicaStatus> {
    const isExited = ({ phase }: ReplicaStatus) => phase === 'exited';
    const { replicas } = await this.find((status) => status.replicas.some(isExited));
    return replicas.find(isExited)!;
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.#ended;
  }

  #take(status: TargetStatus): void {
    this.statuses.push(status);
    for (const check of this.#checks) check();
  }

  #until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.statuses.length === 0 || !isTrue()) return;
        this.#checks.delete(check);
        resolve();
      };
      this.#checks.add(check);
      check();
    });
  }
}
