/** What a client of HTTP/2 sends first (RFC 9113, 3.4). It was chosen so that no server of HTTP/1 takes it for a request. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Which version the first bytes of a connection speak; null: they are not enough to tell. What is neither is of HTTP/1. */
export function versionOf(bytes: Buffer): 'http1' | 'http2' | null {
  const compared = Math.min(bytes.length, preface.length);
  if (bytes.compare(preface, 0, compared, 0, compared) !== 0) return 'http1';
  return bytes.length >= preface.length ? 'http2' : null;
}
