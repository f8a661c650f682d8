/** A message head: its start line and its fields, names in lower case, the values of repeated ones joined by `, `. */
export interface RawHead {
  readonly startLine: string;
  readonly fields: ReadonlyMap<string, string>;
  /** Bytes of the head with its empty line. */
  readonly length: number;
}

/** The head that `bytes` begins with; null: it is not complete. */
export function parseHead(bytes: Buffer): RawHead | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [startLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { startLine, fields, length: end + 4 };
}

/** A body as far as it has arrived. */
export interface RawBody {
  readonly bytes: Buffer;
  /** Its framing says that this is all of it. */
  readonly isWhole: boolean;
  /** Bytes of the input that belong to it, its framing included. */
  readonly length: number;
  /** Lines behind the last chunk. */
  readonly trailers: readonly string[];
}

/** The body that `bytes` begins with, under the framing that these fields name. Throws where a chunk is malformed. */
export function parseBody(bytes: Buffer, fields: ReadonlyMap<string, string>): RawBody {
  if (fields.get('transfer-encoding')?.toLowerCase() === 'chunked') return parseChunks(bytes);
  const length = Number(fields.get('content-length') ?? 0);
  const body = bytes.subarray(0, length);
  return { bytes: body, isWhole: bytes.length >= length, length: body.length, trailers: [] };
}

function parseChunks(bytes: Buffer): RawBody {
  const parts: Buffer[] = [];
  const cut = (at: number): RawBody => ({
    bytes: Buffer.concat(parts),
    isWhole: false,
    length: at,
    trailers: [],
  });
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return cut(at);
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+(;.*)?$/i.test(line)) throw new Error(`no chunk size: ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    if (size === 0) return lastChunk(bytes, lineEnd + 2, parts) ?? cut(at);
    const end = lineEnd + 2 + size;
    parts.push(bytes.subarray(lineEnd + 2, Math.min(end, bytes.length)));
    if (bytes.length < end + 2) return cut(bytes.length);
    if (bytes.toString('latin1', end, end + 2) !== '\r\n')
      throw new Error(`a chunk of ${size} bytes is longer`);
    at = end + 2;
  }
}

function lastChunk(bytes: Buffer, start: number, parts: readonly Buffer[]): RawBody | null {
  const trailers: string[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const line = bytes.toString('latin1', at, lineEnd);
    at = lineEnd + 2;
    if (line === '') return { bytes: Buffer.concat(parts), isWhole: true, length: at, trailers };
    trailers.push(line);
  }
}

/** `data` as one chunk. */
export function chunk(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
