import type { Job, JobEvent, JobState } from '../../core/job.ts';
import type { JobRank } from '../../core/job-index.ts';
import type { JobPage, JobQuery } from '../../core/job-store.ts';
import { cursorOf, readCursor } from '../../core/page-cursor.ts';
import { markOf, queueKey } from './record.ts';
import type { RedisLink } from './redis-link.ts';
import { Script } from './script.ts';

const allStates: readonly JobState[] = [
  'queued',
  'running',
  'streaming',
  'succeeded',
  'failed',
  'canceled',
  'expired',
  'timed_out',
];

/** ARGV: how many, then the queues in order. */
const headScript = new Script(`
local ids = {}
for i = 2, #ARGV do
  local left = tonumber(ARGV[1]) - #ids
  if left <= 0 then break end
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. ':' .. ARGV[i], 0, left - 1)) do ids[#ids + 1] = id end
end
return ids
`);

/** Ids from the head of the queues of a model. */
export async function head(
  link: RedisLink,
  model: string,
  maxRank: JobRank,
  limit: number,
): Promise<string[]> {
  const queues = Array.from({ length: maxRank + 1 }, (_, rank) => queueKey(rank, model));
  return textsOf(await headScript.run(link, [limit, ...queues]));
}

/**
 * Jobs stand in one list for each tenant, surface, model and state, so that any choice among these costs what is asked for and the
 * number of lists, not of jobs: their heads are merged. ARGV: tenant, how many, where to begin ('+', or '(' and a mark), the choice.
 */
const listScript = new Script(`
local root, call = KEYS[1] .. ':', redis.call
local limit, query = tonumber(ARGV[2]), cjson.decode(ARGV[4])

-- Byte by byte: Lua's own comparison goes by the locale of Redis.
local function isAbove(a, b)
  if a.at ~= b.at then return a.at > b.at end
  for i = 17, math.min(#a.mark, #b.mark) do
    local x, y = string.byte(a.mark, i), string.byte(b.mark, i)
    if x ~= y then return x > y end
  end
  return #a.mark > #b.mark
end

local function seek(source, from)
  local mark = call('ZREVRANGEBYLEX', source.key, from, '-', 'LIMIT', 0, 1)[1]
  source.mark, source.at = mark, mark and tonumber(string.sub(mark, 1, 16))
  return mark
end

local sources = {}
for _, shelf in ipairs(call('SMEMBERS', root .. 'shelves:' .. ARGV[1])) do
  local names = cjson.decode(shelf)
  if (not query.surface or query.surface == names[2]) and (not query.model or query.model == names[3]) then
    for _, state in ipairs(query.states) do
      local source = { key = root .. 'list:' .. state .. ':' .. shelf }
      if seek(source, ARGV[3]) then sources[#sources + 1] = source end
    end
  end
end

local jobs = {}
while #sources > 0 and #jobs < limit do
  local top = 1
  for i = 2, #sources do
    if isAbove(sources[i], sources[top]) then top = i end
  end
  local source = sources[top]
  jobs[#jobs + 1] = call('HGET', root .. 'job:' .. string.sub(source.mark, 17), 'job')
  if not seek(source, '(' .. source.mark) then table.remove(sources, top) end
end
return jobs
`);

/** A page of a tenant's jobs, newest first. */
export async function list(link: RedisLink, query: JobQuery): Promise<JobPage> {
  const { tenant, surface, model, states = allStates, before, limit } = query;
  const end = before === undefined ? undefined : readCursor(before);
  if (end === null || states.length === 0) return { jobs: [], next: null };
  const from = end === undefined ? '+' : `(${markOf(end.createdAtMs, end.id)}`;
  const choice = JSON.stringify({ surface, model, states });
  const jobs = jobsOf(await listScript.run(link, [tenant, limit + 1, from, choice]));
  const page = jobs.slice(0, limit);
  const last = page.at(-1);
  return { jobs: page, next: last && jobs.length > limit ? cursorOf(last) : null };
}

/** ARGV: group, first index, how many. */
const membersScript = new Script(`
local root, jobs = KEYS[1] .. ':', {}
local ids = redis.call('ZRANGEBYSCORE', root .. 'group:' .. ARGV[1], ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])
for i, id in ipairs(ids) do jobs[i] = redis.call('HGET', root .. 'job:' .. id, 'job') end
return jobs
`);

/** Jobs of a group by their index. */
export async function members(
  link: RedisLink,
  group: string,
  fromIndex: number,
  limit: number,
): Promise<Job[]> {
  return jobsOf(await membersScript.run(link, [group, fromIndex, limit]));
}

/** Events have numbers without gaps, so the first one tells where any other is. ARGV: id, after which, how many. */
const eventsScript = new Script(`
local key, limit = KEYS[1] .. ':events:' .. ARGV[1], tonumber(ARGV[3])
local first = redis.call('LINDEX', key, 0)
if not first or limit <= 0 then return {} end
local from = math.max(0, tonumber(ARGV[2]) + 1 - tonumber(string.match(first, '%d+')))
return redis.call('LRANGE', key, from, from + limit - 1)
`);

/** Events of a job after one of them. */
export async function events(
  link: RedisLink,
  id: string,
  afterSeq: number,
  limit: number,
): Promise<JobEvent[]> {
  return textsOf(await eventsScript.run(link, [id, afterSeq, limit])).map((text) => {
    const [seq, atMs, type, data]: [number, number, JobEvent['type'], string] = JSON.parse(text);
    return { seq, atMs, type, data };
  });
}

/** Bulks of a reply, as text. */
export function textsOf(reply: unknown): string[] {
  return (reply as readonly Buffer[]).map(String);
}

function jobsOf(reply: unknown): Job[] {
  return textsOf(reply).map((text) => JSON.parse(text));
}
