import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { isUnknownScript } from './redis-error.ts';
import type { RedisLink } from './redis-link.ts';

/** The hash tag that all keys share, so that in a cluster they lie in one slot: `{pilotlight}:job:ID` and so on. */
export const rootKey = '{pilotlight}';

/** What a script is called with. */
export type ScriptArgument = string | number | Buffer;

/** A script in Lua, called by its hash; a Redis that does not know it (restarted, flushed) is sent the whole of it. */
export class Script {
  readonly #lua: string;
  readonly #hash: string;

  constructor(lua: string) {
    this.#lua = lua;
    this.#hash = createHash('sha1').update(lua).digest('hex');
  }

  /** Its reply: bulks are buffers. KEYS[1] is the root of all keys. */
  run(link: RedisLink, args: readonly ScriptArgument[]): Promise<unknown> {
    return link.ask((client) => this.#call(client, args));
  }

  async #call(client: Redis, args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await client.callBuffer('EVALSHA', [this.#hash, 1, rootKey, ...args]);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return await client.callBuffer('EVAL', [this.#lua, 1, rootKey, ...args]);
    }
  }
}
