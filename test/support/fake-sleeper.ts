import type { Descent, Sleeper, SleepingReplica } from '../../src/core/ladder.ts';

type Deed = 'sleep' | 'wake' | 'ask';

/** A Sleeper that does at once what it is asked, unless the test lets it hang or fail. */
export class FakeSleeper implements Sleeper {
  /** What was asked of it, in order: `sleep r1 0`, `wake r1 1`, `ask r1`. */
  readonly asked: string[] = [];
  /** What these do: hang until they are aborted or released, or fail; else they work. By the deed, or deed and rung. */
  readonly faults = new Map<string, 'hang' | 'fail'>();
  /** Where the replicas stand. */
  readonly rungs = new Map<string, number>();
  /** What is told of those that `rungs` has nothing of; false: it cannot be told where anybody stands. */
  canTell = true;
  #hanging = 0;
  #releases: (() => void)[] = [];

  /** How many calls hang. */
  get hanging(): number {
    return this.#hanging;
  }

  async sleep(replica: SleepingReplica, { to }: Descent, signal: AbortSignal): Promise<void> {
    await this.#do('sleep', `sleep ${replica.id} ${to}`, to, signal);
    this.rungs.set(replica.id, to);
  }

  async wake(replica: SleepingReplica, rung: number, signal: AbortSignal): Promise<void> {
    await this.#do('wake', `wake ${replica.id} ${rung}`, rung, signal);
    this.rungs.delete(replica.id);
  }

  async rungOf(replica: SleepingReplica, signal: AbortSignal): Promise<number | null> {
    await this.#do('ask', `ask ${replica.id}`, 0, signal);
    return this.canTell ? (this.rungs.get(replica.id) ?? null) : null;
  }

  /** Those that hang go on, and nothing hangs or fails any more. */
  release(): void {
    this.faults.clear();
    for (const release of this.#releases.splice(0)) release();
  }

  async #do(deed: Deed, text: string, rung: number, signal: AbortSignal): Promise<void> {
    this.asked.push(text);
    const fault = this.faults.get(`${deed} ${rung}`) ?? this.faults.get(deed);
    if (fault === 'fail') throw new Error(`${deed} does not work`);
    if (fault !== 'hang') return;
    this.#hanging++;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#releases.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    } finally {
      this.#hanging--;
    }
  }
}
