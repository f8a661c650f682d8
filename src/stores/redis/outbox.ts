import type { Delivery } from '../../core/job-store.ts';
import { memberOf } from './commit-script.ts';
import { textsOf } from './read-scripts.ts';
import type { RedisLink } from './redis-link.ts';
import { Script } from './script.ts';

/** ARGV: due until, due again at, how many. */
const takeScript = new Script(`
local root, call, taken = KEYS[1] .. ':', redis.call, {}
local due = call('ZRANGEBYSCORE', root .. 'outbox', '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for i, member in ipairs(due) do
  call('ZADD', root .. 'outbox', ARGV[2], member)
  taken[i] = call('HGET', root .. 'job:' .. cjson.decode(member)[2], 'd:' .. member)
end
return taken
`);

/** Whoever took it since has moved its instant. ARGV: member, job, instant it was taken until, next instant ('': none), next. */
const settleScript = new Script(`
local root, call = KEYS[1] .. ':', redis.call
local outbox, member, job = root .. 'outbox', ARGV[1], root .. 'job:' .. ARGV[2]
local at = call('ZSCORE', outbox, member)
if not at or tonumber(at) ~= tonumber(ARGV[3]) then return 0 end
if ARGV[4] == '' then
  call('ZREM', outbox, member)
  call('HDEL', job, 'd:' .. member)
else
  call('ZADD', outbox, ARGV[4], member)
  call('HSET', job, 'd:' .. member, ARGV[5])
end
return 1
`);

/** Hands out deliveries that are due, each to one caller. */
export async function takeDeliveries(
  link: RedisLink,
  nowMs: number,
  untilMs: number,
  limit: number,
): Promise<Delivery[]> {
  if (limit <= 0) return [];
  const taken = textsOf(await takeScript.run(link, [nowMs, untilMs, limit]));
  return taken.map((text) => ({ ...(JSON.parse(text) as Delivery), dueAtMs: untilMs }));
}

/** Ends one that was taken, or has it due again; false: somebody else took it meanwhile, or it is gone. */
export async function settleDelivery(
  link: RedisLink,
  taken: Delivery,
  next: Delivery | null,
): Promise<boolean> {
  const args = [memberOf(taken), taken.jobId, taken.dueAtMs, next?.dueAtMs ?? '', JSON.stringify(next)];
  return (await settleScript.run(link, args)) === 1;
}
