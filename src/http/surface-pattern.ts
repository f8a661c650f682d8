import { PilotlightError } from '../core/errors.ts';

/** A route's pattern as it is matched. */
export interface SurfacePattern {
  /** Two patterns with the same text take the same paths: it is without the names of parameters. */
  readonly shape: string;
  /** Ascending from what is matched first: text before parameters before a wildcard, segment by segment. */
  readonly rank: string;
  /** The parameters as they are written in the path, or null: it does not match. */
  match(path: string): Readonly<Record<string, string>> | null;
}

const parts = /::|:([A-Za-z_]\w*)|\*/g;

/** Patterns are written as for Fastify: `:name` is a segment or its part, `::` a colon, `*` the rest. */
export function surfacePattern(pattern: string): SurfacePattern {
  const names: string[] = [];
  let shape = '';
  let source = '';
  let at = 0;
  for (const found of pattern.matchAll(parts)) {
    const text = pattern.slice(at, found.index);
    at = found.index + found[0].length;
    const [whole, name] = found;
    shape += text + (whole === '::' ? ':' : whole === '*' ? '*' : ':?');
    source += escaped(text) + (whole === '::' ? ':' : whole === '*' ? '(.*)' : '([^/]+)');
    if (whole !== '::') names.push(name ?? '*');
  }
  shape += pattern.slice(at);
  const expression = new RegExp(`^${source}${escaped(pattern.slice(at))}$`);
  return {
    shape,
    rank: shape.split('/').map(rankOfSegment).join(''),
    match(path) {
      const found = expression.exec(path);
      if (found === null) return null;
      const out: Record<string, string> = Object.create(null);
      for (const [index, name] of names.entries()) out[name] = found[index + 1]!;
      return out;
    },
  };
}

function rankOfSegment(segment: string): string {
  if (segment.includes('*')) return '3';
  if (segment === ':?') return '2';
  return segment.includes(':?') ? '1' : '0';
}

/** Values of parameters without their percent-encoding. Throws bad_request. */
export function decodedParams(params: Readonly<Record<string, string>>): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  for (const name in params) out[name] = decoded(params[name]!);
  return out;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new PilotlightError('bad_request', 'malformed URL: a broken percent-encoding', { cause });
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
