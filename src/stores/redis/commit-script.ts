import { type Job, keptEvents } from '../../core/job.ts';
import { hasBytes } from '../../core/job-note.ts';
import type { CommitOutcome, Delivery, JobChange } from '../../core/job-store.ts';
import { recordOf, recordPrelude } from './record.ts';
import { Script, type ScriptArgument } from './script.ts';

/** Removals that those who were away are told of. */
const keptRemovals = 10_000;

/**
 * Commits changes, each by itself: compares its version (and idempotency key), writes the job, moves it in its lists, and tells of
 * it. Keys below the root: `job:ID` (hash: job, x = its record, input, output, and d:MEMBER for each delivery), `events:ID` (list),
 * `queue:RANK:MODEL`, `due`, `list:STATE:SHELF`, `group:ID`, `outbox` (sorted sets), `shelves:TENANT` (set), `count:...`, `backlog`,
 * `once` (hashes), `seq` (changes so far), `changes` (ids by the number of their last change), `gone` (removals by theirs).
 */
export const commitScript = new Script(`${recordPrelude}
local root, call, decode = KEYS[1] .. ':', redis.call, cjson.decode
local none, at = {}, 0

local function take()
  at = at + 1
  return ARGV[at]
end

local function takeMany()
  local count = tonumber(take())
  at = at + count
  return at - count + 1, at
end

local function move(lastKey, lastScore, lastMember, key, score, member)
  if lastKey and (lastKey ~= key or lastMember ~= member) then
    call('ZREM', root .. lastKey, lastMember)
    lastKey = false
  end
  if key and (not lastKey or lastScore ~= score) then call('ZADD', root .. key, score, member) end
end

-- What is counted, and the shelves in use, are written once for all changes.
local tallies, shelves = {}, {}

local function tally(key, field, by)
  local fields = tallies[key] or {}
  tallies[key] = fields
  fields[field] = (fields[field] or 0) + by
end

local function count(record, by)
  tally('count:model:' .. record[MODEL], record[STATE], by)
  if record[GROUP] then tally('count:group:' .. record[GROUP], record[STATE], by) end
end

local function list(record)
  return record[STATE] and 'list:' .. record[STATE] .. ':' .. record[SHELF]
end

local function place(id, old, new)
  local o, n = old or none, new or none
  move(o[QUEUE], o[QUEUED_AT], id, n[QUEUE], n[QUEUED_AT], id)
  move(o[DUE] and 'due', o[DUE], id, n[DUE] and 'due', n[DUE], id)
  move(list(o), 0, o[MARK], list(n), 0, n[MARK])
  move(o[GROUP] and 'group:' .. o[GROUP], o[INDEX], id, n[GROUP] and 'group:' .. n[GROUP], n[INDEX], id)
  if new and o[SHELF] ~= n[SHELF] then shelves[n[SHELF]] = n[TENANT] end
  if o[STATE] ~= n[STATE] or o[MODEL] ~= n[MODEL] or o[GROUP] ~= n[GROUP] then
    if old then count(o, -1) end
    if new then count(n, 1) end
  end
  if o[BACKLOG] ~= n[BACKLOG] then
    if o[BACKLOG] then tally('backlog', o[BACKLOG], -1) end
    if n[BACKLOG] then tally('backlog', n[BACKLOG], 1) end
  end
  if o[ONCE] ~= n[ONCE] then
    if o[ONCE] then call('HDEL', root .. 'once', o[ONCE]) end
    if n[ONCE] then call('HSET', root .. 'once', n[ONCE], id) end
  end
end

local function remove(id, key)
  for _, field in ipairs(call('HKEYS', key)) do
    if string.sub(field, 1, 2) == 'd:' then call('ZREM', root .. 'outbox', string.sub(field, 3)) end
  end
  call('UNLINK', key, root .. 'events:' .. id)
end

local function append(id, from, to)
  if to < from then return end
  local key = root .. 'events:' .. id
  if call('RPUSH', key, unpack(ARGV, from, to)) > ${keptEvents} then call('LTRIM', key, -${keptEvents}, -1) end
end

local function write(key, x, json, input, output)
  if input and output then
    call('HSET', key, 'x', x, 'job', json, 'input', input, 'output', output)
  elseif input then
    call('HSET', key, 'x', x, 'job', json, 'input', input)
  elseif output then
    call('HSET', key, 'x', x, 'job', json, 'output', output)
  else
    call('HSET', key, 'x', x, 'job', json)
  end
end

local function commit(id, expected, x, json, input, output, eventFrom, eventTo, dueFrom, dueTo)
  local key = root .. 'job:' .. id
  local last = call('HGET', key, 'x')
  local old, new = last and decode(last), x ~= '' and decode(x)
  if (old and old[VERSION] or 0) ~= expected then return old and call('HGET', key, 'job') end
  if not old and new and new[ONCE] then
    local holder = call('HGET', root .. 'once', new[ONCE])
    if holder then return call('HGET', root .. 'job:' .. holder, 'job') end
  end
  place(id, old, new)
  if new then
    write(key, x, json, input, output)
    if old and old[INPUT] and not new[INPUT] then call('HDEL', key, 'input') end
    if old and old[OUTPUT] and not new[OUTPUT] then call('HDEL', key, 'output') end
    append(id, eventFrom, eventTo)
    for i = dueFrom, dueTo, 3 do
      call('ZADD', root .. 'outbox', ARGV[i + 1], ARGV[i])
      call('HSET', key, 'd:' .. ARGV[i], ARGV[i + 2])
    end
    return 1, x
  end
  if not old then return 1 end
  remove(id, key)
  old[VERSION], old[STATE] = old[VERSION] + 1, false
  return 1, cjson.encode(old)
end

local outcomes, told, lastTold, isGone = {}, {}, {}, {}
local total = tonumber(take())
for i = 1, total do
  local id, expected, x, json = take(), tonumber(take()), take(), take()
  local given = take()
  local input = (given == 'both' or given == 'input') and take()
  local output = (given == 'both' or given == 'output') and take()
  local eventFrom, eventTo = takeMany()
  local dueFrom, dueTo = takeMany()
  local outcome, note = commit(id, expected, x, json, input, output, eventFrom, eventTo, dueFrom, dueTo)
  outcomes[i] = outcome
  if note then
    told[#told + 1] = note
    lastTold[id], isGone[id] = #told, x == ''
  end
end

for key, fields in pairs(tallies) do
  for field, by in pairs(fields) do
    if by ~= 0 and call('HINCRBY', root .. key, field, by) == 0 then call('HDEL', root .. key, field) end
  end
end
for shelf, tenant in pairs(shelves) do call('SADD', root .. 'shelves:' .. tenant, shelf) end

if #told > 0 then
  local before = call('INCRBY', root .. 'seq', #told) - #told
  local changed = {}
  for id, place in pairs(lastTold) do
    if isGone[id] then
      call('ZREM', root .. 'changes', id)
      call('ZADD', root .. 'gone', before + place, told[place])
      call('ZREMRANGEBYRANK', root .. 'gone', 0, -${keptRemovals + 1})
    else
      changed[#changed + 1] = before + place
      changed[#changed + 1] = id
    end
  end
  if #changed > 0 then call('ZADD', root .. 'changes', unpack(changed)) end
  call('PUBLISH', root .. 'notes', (before + 1) .. '\\n' .. table.concat(told, '\\n'))
end
return outcomes
`);

/** The arguments of one change. */
export function changeArguments(change: JobChange): ScriptArgument[] {
  const { id, expected, next } = change;
  const input = bytesOf(next, 'input', change.input);
  const output = bytesOf(next, 'output', change.output);
  const events = (next && change.events) || [];
  const deliveries = (next && change.deliveries) || [];
  const kept = events.slice(-keptEvents);
  return [
    id,
    expected,
    next ? recordOf(next) : '',
    next ? JSON.stringify(next) : '',
    input && output ? 'both' : input ? 'input' : output ? 'output' : '',
    ...(input ? [input] : []),
    ...(output ? [output] : []),
    kept.length,
    ...kept.map(({ seq, atMs, type, data }) => JSON.stringify([seq, atMs, type, data])),
    deliveries.length * 3,
    ...deliveries.flatMap((delivery) => [memberOf(delivery), delivery.dueAtMs, JSON.stringify(delivery)]),
  ];
}

/** What stands for a delivery in the outbox. */
export function memberOf({ id, jobId }: Delivery): string {
  return JSON.stringify([id, jobId]);
}

function bytesOf(next: Job | null, part: 'input' | 'output', given: Buffer | undefined): Buffer | null {
  return next && given && hasBytes(next, part) ? given : null;
}

/** What the script replied for one change. */
export function outcomeOf(reply: unknown): CommitOutcome {
  if (reply === 1) return { kind: 'done' };
  return { kind: 'conflict', job: Buffer.isBuffer(reply) ? (JSON.parse(reply.toString()) as Job) : null };
}
