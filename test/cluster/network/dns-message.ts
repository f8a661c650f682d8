/** What a resolver asks: one question. */
export interface Question {
  /** Lower case, without the dot at its end. */
  readonly name: string;
  /** RFC 1035, 3.2.2: 1 for A, 28 for AAAA. */
  readonly type: number;
  /** Where the question ends in its message. */
  readonly endOffset: number;
}

const headerBytes = 12;
/** As CoreDNS answers for a cluster. */
const ttlS = 5;
const typeA = 1;
/** An answer, authoritative, with recursion: RFC 1035, 4.1.1. */
const answerFlags = 0x8580;
const noSuchName = 3;
/** Points to the question's name, which begins after the header. */
const namePointer = 0xc000 | headerBytes;

/** The first question of a query; null where there is none that can be read. */
export function questionOf(query: Buffer): Question | null {
  if (query.length < headerBytes || query.readUInt16BE(4) === 0) return null;
  const labels: string[] = [];
  let offset = headerBytes;
  for (let length = query[offset]; length !== 0; length = query[offset]) {
    if (length === undefined || length > 63) return null;
    labels.push(query.toString('latin1', offset + 1, offset + 1 + length));
    offset += length + 1;
  }
  const endOffset = offset + 5;
  if (endOffset > query.length) return null;
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(offset + 1), endOffset };
}

/** The answer to `query`: `addresses` (IPv4), where it asks for those; null: there is no such name. */
export function answerTo(query: Buffer, question: Question, addresses: readonly string[] | null): Buffer {
  const answers = question.type === typeA ? (addresses ?? []) : [];
  const header = Buffer.alloc(headerBytes);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(answerFlags | (addresses === null ? noSuchName : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  const asked = query.subarray(headerBytes, question.endOffset);
  return Buffer.concat([header, asked, ...answers.map(recordOf)]);
}

function recordOf(address: string): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt16BE(namePointer, 0);
  record.writeUInt16BE(typeA, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlS, 6);
  record.writeUInt16BE(4, 10);
  record.set(address.split('.').map(Number), 12);
  return record;
}
