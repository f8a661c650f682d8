/** The keys that concern a sidecar (Knative leaves what begins with qpoption.knative.dev/ to its extensions). */
const prefix = 'qpoption.knative.dev/pilotlight-';

/**
 * The pod's annotations that are meant for this sidecar, each under its name without the prefix. `file` is what the
 * downward API writes: one `key="value"` per line, the value quoted as Go's strconv.Quote does.
 */
export function readAnnotations(file: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of file.split('\n')) {
    const at = line.indexOf('=');
    if (!line.startsWith(prefix) || at === -1) continue;
    found.set(line.slice(prefix.length, at), unquote(line.slice(at + 1)));
  }
  return found;
}

const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const escapes = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/g;

/** What was quoted; a text without quotes stands for itself. */
function unquote(quoted: string): string {
  const text = /^"(.*)"\r?$/.exec(quoted)?.[1];
  if (text === undefined) return quoted;
  return text.replace(escapes, (_, byte?: string, short?: string, long?: string, one = '') => {
    const hex = byte ?? short ?? long;
    if (hex === undefined) return simple[one] ?? one;
    const point = Number.parseInt(hex, 16);
    return point <= 0x10_ffff ? String.fromCodePoint(point) : '\ufffd';
  });
}
