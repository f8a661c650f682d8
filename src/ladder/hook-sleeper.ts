import type { HookStep, RungCheck, RungSettings } from '../config/rung-settings.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Descent, Sleeper, SleepingReplica } from '../core/ladder.ts';
import { askHttp } from './ask-http.ts';
import { isStopped, signalGroup } from './group-signal.ts';
import { fillReplica } from './placeholders.ts';
import { runCommand } from './run-command.ts';

/** What it reads of its revision, at each use: both may change. */
export interface HookSleeperOptions {
  readonly model: string;
  readonly rungs: () => readonly RungSettings[];
  /** Sent along with requests (the backend's own key), lower-case names. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** Between two questions whether it sleeps or is awake by now. */
const pollMs = 100;

/** Takes replicas up and down by the steps that `scale.ladder` names. Keeps nothing. */
export class HookSleeper implements Sleeper {
  readonly #options: HookSleeperOptions;
  readonly #clock: Clock;

  constructor(options: HookSleeperOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async sleep(replica: SleepingReplica, { from, to }: Descent, signal: AbortSignal): Promise<void> {
    if (from !== null) await this.wake(replica, from, signal);
    const rung = this.#rung(to);
    await this.#take(replica, rung.sleep, signal);
    await this.#settle(replica, rung, { isAsleep: true, signal });
  }

  async wake(replica: SleepingReplica, rungIndex: number, signal: AbortSignal): Promise<void> {
    const rung = this.#rung(rungIndex);
    // A toggle that is switched twice would put it back to sleep.
    if (rung.check !== null && (await this.#isAsleep(replica, rung.check, signal)) === false) return;
    await this.#take(replica, rung.wake, signal);
    await this.#settle(replica, rung, { isAsleep: false, signal });
  }

  async rungOf(replica: SleepingReplica, signal: AbortSignal): Promise<number | null> {
    const rungs = this.#options.rungs();
    // Both levels of vLLM are checked in the same way: it is asked once.
    const saidNo = new Set<string>();
    for (const [index, rung] of [...rungs.entries()].reverse()) {
      const question = JSON.stringify(rung.check ?? rung.sleep);
      if (saidNo.has(question)) continue;
      if (await this.#isOn(replica, rung, signal)) return index;
      saidNo.add(question);
    }
    return null;
  }

  #rung(index: number): RungSettings {
    const rung = this.#options.rungs()[index];
    if (rung === undefined) throw new Error(`there is no rung ${index} any more`);
    return rung;
  }

  async #isOn(
    replica: SleepingReplica,
    { sleep, check }: RungSettings,
    signal: AbortSignal,
  ): Promise<boolean> {
    signal.throwIfAborted();
    if (check !== null) return (await this.#isAsleep(replica, check, signal)) === true;
    const isFrozen = sleep.every((step) => step.kind === 'signal' && step.signal === 'stop');
    return isFrozen && replica.pid !== null && isStopped(replica.pid) === true;
  }

  async #take(replica: SleepingReplica, steps: readonly HookStep[], signal: AbortSignal): Promise<void> {
    for (const step of steps) {
      signal.throwIfAborted();
      try {
        await this.#doStep(replica, step, signal);
      } catch (error) {
        signal.throwIfAborted();
        const what = error instanceof Error ? error.message : String(error);
        throw new Error(`${nameOf(step)}: ${what}`, { cause: error });
      }
    }
  }

  async #doStep(replica: SleepingReplica, step: HookStep, signal: AbortSignal): Promise<void> {
    if (step.kind === 'signal') {
      if (replica.pid === null) throw new Error('its process is not known');
      signalGroup(replica.pid, step.signal);
      return;
    }
    const { timeoutMs } = step;
    if (step.kind === 'command') {
      await this.#run(replica, step, signal);
      return;
    }
    const { path, body, statuses } = step;
    const { status, body: said } = await this.#ask(
      replica,
      { method: 'POST', path, body, timeoutMs },
      signal,
    );
    const isDone = statuses.length === 0 ? status >= 200 && status < 300 : statuses.includes(status);
    if (!isDone) throw new Error(`${status} ${said.replaceAll(/\s+/g, ' ').slice(0, 120)}`.trimEnd());
  }

  /** Until it says that it sleeps, or is awake: an answer may come before what it answers is done. */
  async #settle(
    replica: SleepingReplica,
    { check, sleep, wake }: RungSettings,
    { isAsleep, signal }: { readonly isAsleep: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    if (check === null) return;
    const limitMs = Math.max(
      check.timeoutMs,
      ...(isAsleep ? sleep : wake).map((step) => (step.kind === 'signal' ? 0 : step.timeoutMs)),
    );
    const deadlineMs = this.#clock.nowMs() + limitMs;
    while ((await this.#isAsleep(replica, check, signal)) !== isAsleep) {
      if (this.#clock.nowMs() >= deadlineMs)
        throw new Error(`${nameOfCheck(check)}: not ${isAsleep ? 'asleep' : 'awake'} after ${limitMs} ms`);
      await this.#clock.sleep(pollMs, signal);
    }
  }

  /** null: it does not say. Rejects only with the signal's reason. */
  async #isAsleep(replica: SleepingReplica, check: RungCheck, signal: AbortSignal): Promise<boolean | null> {
    const { ask, asleep, timeoutMs } = check;
    try {
      if (ask.kind === 'command') {
        const output = await this.#run(replica, { command: ask.command, timeoutMs }, signal);
        return withoutSpaces(output).includes(asleep);
      }
      const question = { method: 'GET', path: ask.path, body: null, timeoutMs } as const;
      const { status, body } = await this.#ask(replica, question, signal);
      return status === 200 ? withoutSpaces(body).includes(asleep) : null;
    } catch {
      signal.throwIfAborted();
      return null; // It cannot be asked now; what it was asked for says whether that matters.
    }
  }

  #run(
    replica: SleepingReplica,
    { command, timeoutMs }: { readonly command: readonly string[]; readonly timeoutMs: number },
    signal: AbortSignal,
  ): Promise<string> {
    const argv = fillReplica(command, replica, this.#options.model);
    return runCommand({ argv, timeoutMs, clock: this.#clock, signal });
  }

  #ask(replica: SleepingReplica, question: Question, signal: AbortSignal) {
    const { origin } = replica;
    if (origin === null) throw new Error('its address is not known');
    return askHttp({ ...question, origin, headers: this.#options.headers(), clock: this.#clock, signal });
  }
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: string | null;
  readonly timeoutMs: number;
}

const withoutSpaces = (text: string) => text.replaceAll(/\s/g, '');

function nameOf(step: HookStep): string {
  if (step.kind === 'http') return `POST ${step.path}`;
  if (step.kind === 'command') return step.command[0] ?? '';
  return step.signal === 'stop' ? 'SIGSTOP' : 'SIGCONT';
}

function nameOfCheck({ ask }: RungCheck): string {
  return ask.kind === 'http' ? `GET ${ask.path}` : (ask.command[0] ?? '');
}
