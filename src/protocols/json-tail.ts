const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Where an object ends, and how far back its text is there. */
export interface TailSpan {
  /** The first index that may be looked at. */
  readonly from: number;
  /** After its closing brace. */
  readonly end: number;
  /** Members of objects in it are told down to here; 1: only its own. */
  readonly maxDepth: number;
}

/**
 * Called with a member's name, how deep it is, where its value starts (white space may come first) and, where that is
 * an object or array, ends. True ends the walk.
 */
export type OnMember = (name: string, depth: number, valueStart: number, containerEnd: number) => boolean;

/**
 * Walks backwards over the JSON object that ends before `end` and tells its members, the last one first. Its beginning
 * need not be there: within a string every quote is escaped and the one that opens it is not, so strings are known
 * from their ends. Of a text that is no JSON it may tell anything.
 *
 * Returns where the object begins; -1 when the walk was ended or reached `from`, or when it is no object.
 */
export function walkMembersBack(text: string, { from, end, maxDepth }: TailSpan, onMember: OnMember): number {
  if (text.charCodeAt(end - 1) !== closeBrace) return -1;
  /** By depth, the end of the object or array in it that was met last. */
  const ends: number[] = [];
  let depth = 0;
  let colonAt = -1;
  for (let at = end - 1; at >= from; at--) {
    const code = text.charCodeAt(at);
    if (code <= 0x20) continue;
    if (code === quote) {
      const close = at;
      at = openingQuote(text, from, close);
      if (at < 0) return -1;
      if (colonAt >= 0 && depth <= maxDepth) {
        const name = decoded(text.slice(at + 1, close));
        if (name === null || onMember(name, depth, colonAt + 1, ends[depth] ?? -1)) return -1;
      }
    } else if (code === closeBrace || code === closeBracket) ends[depth++] = at + 1;
    else if ((code === openBrace || code === openBracket) && --depth === 0)
      return code === openBrace ? at : -1;
    colonAt = code === colon ? at : -1;
  }
  return -1;
}

/** Where the string begins that is closed at `close`; -1 when that is not there, or might be an escaped quote. */
function openingQuote(text: string, from: number, close: number): number {
  let at = text.lastIndexOf('"', close - 1);
  while (at > from) {
    let before = at - 1;
    while (before >= from && text.charCodeAt(before) === backslash) before--;
    if (before < from) return -1;
    if ((at - 1 - before) % 2 === 0) return at;
    at = text.lastIndexOf('"', at - 1);
  }
  return -1;
}

/** A string's value; null when its escapes are no JSON. */
function decoded(content: string): string | null {
  if (!content.includes('\\')) return content;
  try {
    return String(JSON.parse(`"${content}"`));
  } catch {
    return null;
  }
}
