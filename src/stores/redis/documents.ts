import type { DocumentQuery, DocumentStore, StoredDocument } from '../../core/job-store.ts';
import { textsOf } from './read-scripts.ts';
import { markOf } from './record.ts';
import type { RedisLink } from './redis-link.ts';
import { Script } from './script.ts';

/**
 * Keys below the root: `docs:KIND` and `doc-records:KIND` (hashes by id), `doc-list:["KIND"]` and `doc-list:["KIND","TENANT"]` (sorted by
 * mark), `doc-expiry` (sorted by instant). A record is JSON of version, mark, the two lists, the member in `doc-expiry`, and the
 * instant (false: never). `unlist` takes one out of its lists.
 */
const prelude = `
local root, call = KEYS[1] .. ':', redis.call
local kind, id = ARGV[1], ARGV[2]
local docs, records = root .. 'docs:' .. kind, root .. 'doc-records:' .. kind
local last = call('HGET', records, id)
last = last and cjson.decode(last)
local function unlist()
  call('ZREM', root .. last[3], last[2])
  call('ZREM', root .. last[4], last[2])
  call('ZREM', root .. 'doc-expiry', last[5])
end
`;

/** ARGV: kind, id, expected version, record, document. */
const putScript = new Script(`${prelude}
if (last and last[1] or 0) ~= tonumber(ARGV[3]) then return 0 end
if last then unlist() end
local record = cjson.decode(ARGV[4])
call('HSET', records, id, ARGV[4])
call('HSET', docs, id, ARGV[5])
call('ZADD', root .. record[3], 0, record[2])
call('ZADD', root .. record[4], 0, record[2])
if record[6] then call('ZADD', root .. 'doc-expiry', record[6], record[5]) end
return 1
`);

/** ARGV: kind, id. */
const deleteScript = new Script(`${prelude}
if not last then return 0 end
unlist()
call('HDEL', records, id)
call('HDEL', docs, id)
return 1
`);

/** ARGV: kind, id of the last of the page before ('': none), list, how many. */
const listScript = new Script(`${prelude}
if id ~= '' and not last then return {} end
local found = {}
local from = last and '(' .. last[2] or '+'
for i, mark in ipairs(call('ZREVRANGEBYLEX', root .. ARGV[3], from, '-', 'LIMIT', 0, ARGV[4])) do
  found[i] = call('HGET', docs, string.sub(mark, 17))
end
return found
`);

/** ARGV: due until, how many. */
const expiredScript = new Script(`
local root, call, found = KEYS[1] .. ':', redis.call, {}
for i, member in ipairs(call('ZRANGEBYSCORE', root .. 'doc-expiry', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
  local name = cjson.decode(member)
  found[i] = call('HGET', root .. 'docs:' .. name[1], name[2])
end
return found
`);

/** Documents in Redis. */
export class RedisDocuments implements DocumentStore {
  readonly #link: RedisLink;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  async get(kind: string, id: string): Promise<StoredDocument | null> {
    const text = await this.#link.ask((client) => client.hget(`{pilotlight}:docs:${kind}`, id));
    return text === null ? null : JSON.parse(text);
  }

  async list({ kind, tenant, after, limit }: DocumentQuery): Promise<StoredDocument[]> {
    if (after === '' || limit <= 0) return [];
    const reply = await listScript.run(this.#link, [kind, after ?? '', listKey(kind, tenant), limit]);
    return documentsOf(reply);
  }

  async put(document: Omit<StoredDocument, 'version'>, expected: number): Promise<boolean> {
    const { kind, id, tenant, createdAtMs, expiresAtMs } = document;
    const version = expected + 1;
    const mark = markOf(createdAtMs, id);
    const lists = [listKey(kind, null), listKey(kind, tenant)];
    const record = [version, mark, ...lists, JSON.stringify([kind, id]), expiresAtMs ?? false];
    const texts = [JSON.stringify(record), JSON.stringify({ ...document, version })];
    return (await putScript.run(this.#link, [kind, id, expected, ...texts])) === 1;
  }

  async delete(kind: string, id: string): Promise<boolean> {
    return (await deleteScript.run(this.#link, [kind, id])) === 1;
  }

  async expired(nowMs: number, limit: number): Promise<StoredDocument[]> {
    return limit <= 0 ? [] : documentsOf(await expiredScript.run(this.#link, [nowMs, limit]));
  }
}

function listKey(kind: string, tenant: string | null): string {
  return `doc-list:${JSON.stringify(tenant === null ? [kind] : [kind, tenant])}`;
}

function documentsOf(reply: unknown): StoredDocument[] {
  return textsOf(reply).map((text) => JSON.parse(text));
}
