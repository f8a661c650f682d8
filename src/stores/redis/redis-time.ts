import type { Cancel, Clock } from '../../core/clock.ts';
import type { RedisLink } from './redis-link.ts';
import { Script } from './script.ts';

/** How often the time of Redis is asked for. */
const syncMs = 5_000;
/** A difference from there on is a jump of somebody's clock; below it clocks drift apart, and the time of Redis is followed. */
const jumpMs = 1_000;

/**
 * The time that all who share a Redis go by: its clock, and a correction kept beside it, which takes a jump of that clock back (its
 * host is set right, or another host takes over). Who asks says what time it would be by its own steady clock. Where they
 * differ by a jump, the clock of Redis has jumped, unless somebody else has found it steady a moment ago: then the one who asks has
 * stood still. The correction fades (by 1 % of the time that passes), and goes when nobody was there for a minute.
 * ARGV: what time it would be, in ms ('' = just come).
 */
const timeScript = new Script(`
local key = KEYS[1] .. ':time'
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local was = redis.call('HMGET', key, 'correction', 'askedAt')
local correction, askedAt = tonumber(was[1] or 0), tonumber(was[2] or 0)
local since, claim = now - askedAt, tonumber(ARGV[1])
if claim then
  local isSteady = since >= 0 and since <= ${2 * syncMs}
  if math.abs(now + correction - claim) >= ${jumpMs} and not isSteady then
    correction = claim - now
  elseif since > 0 then
    local fade = math.min(math.abs(correction), since * 0.01)
    correction = correction - (correction < 0 and -fade or fade)
  end
  redis.call('HSET', key, 'correction', correction, 'askedAt', now)
elseif correction ~= 0 and math.abs(since) > 60000 then
  correction = 0
  redis.call('HSET', key, 'correction', 0)
end
return string.format('%.3f', now + correction)
`);

/** The time of Redis, asked for now and then and carried on by the monotonic clock between. */
export class RedisTime {
  readonly #link: RedisLink;
  readonly #clock: Clock;
  /** Of the store's time over the monotonic clock. */
  #aheadMs: number | null = null;
  #lastMs = 0;
  #cancel: Cancel | null = null;

  constructor(link: RedisLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  /** Whole ms since the epoch; never backwards. */
  nowMs(): number {
    this.#lastMs = Math.max(this.#lastMs, Math.floor(this.#clock.nowMs() + (this.#aheadMs ?? 0)));
    return this.#lastMs;
  }

  /** Asks Redis. */
  async sync(): Promise<void> {
    const beganMs = this.#clock.nowMs();
    const claim = this.#aheadMs === null ? '' : beganMs + this.#aheadMs;
    const time = Number(await timeScript.run(this.#link, [claim]));
    // Redis read its clock between the two instants: what is known is changed as little as that allows.
    const [least, most] = [time - this.#clock.nowMs(), time - beganMs];
    this.#aheadMs = Math.min(most, Math.max(least, this.#aheadMs ?? (least + most) / 2));
  }

  /** Asks Redis now and then until `close`; `onSync` is called before each, so that others keep their connections alive. */
  start(onSync: () => void): void {
    this.#cancel = this.#clock.setTimer(this.#clock.nowMs() + syncMs, () => {
      onSync();
      // While Redis cannot be asked the monotonic clock goes on; whoever needs Redis is told so.
      void this.sync().catch(() => undefined);
      this.start(onSync);
    });
  }

  close(): void {
    this.#cancel?.();
  }
}
