import type { ModelSettings } from '../config/settings.ts';
import type { RequestHead } from '../core/protocol.ts';

/** A model that takes a request by its host, path or headers, and the path to send on. */
export interface Match {
  readonly model: string;
  readonly forwardPath: string;
}

/** What the rules look at besides the head. */
export interface MatchInput {
  readonly head: RequestHead;
  /** Host header without its port. */
  readonly host: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The first model, in order of configuration, all of whose kinds of rules (host, path, header) fit. */
export function findMatch(models: Iterable<ModelSettings>, input: MatchInput): Match | null {
  for (const { name, match } of models) {
    if (match === null) continue;
    if (match.hosts.length > 0 && !match.hosts.includes(input.host)) continue;
    const prefix = match.paths.find((path) => isUnder(input.head.path, path));
    if (match.paths.length > 0 && prefix === undefined) continue;
    if (!Object.entries(match.headers).every(([field, value]) => input.headers[field] === value)) continue;
    return { model: name, forwardPath: forwardPath(input.head, match.stripPrefix ? (prefix ?? '') : '') };
  }
  return null;
}

/** Segments that lead out of a prefix where a backend resolves them, as RFC 3986, 5.2.4 has it. */
const dotSegment = /\/(\.|%2e){1,2}(\/|$)/i;

/** A prefix ends at a segment: `/tts` takes /tts and /tts/x, never /ttsx, and never /tts/../x. */
function isUnder(path: string, prefix: string): boolean {
  const bare = prefix.replace(/\/$/, '');
  return (path === bare || path.startsWith(`${bare}/`)) && !dotSegment.test(path);
}

function forwardPath({ path, query }: RequestHead, prefix: string): string {
  const rest = path.slice(prefix.replace(/\/$/, '').length) || '/';
  return query === '' ? rest : `${rest}?${query}`;
}
