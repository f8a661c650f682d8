import type { Dispatcher } from 'undici';

/** Response headers as undici gives them: lower case names, an array where a name came more than once. */
export type ResponseHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

/** What follows the final response head in `bytes`, which begin with a response; null when that cannot be told for sure. */
export function bytesAfterHead(bytes: Buffer, statusCode: number): Buffer | null {
  for (let at = 0; ; ) {
    const status = /^HTTP\/1\.1 (\d{3})[ \r]/.exec(bytes.toString('latin1', at, at + 13))?.[1];
    const end = bytes.indexOf('\r\n\r\n', at, 'latin1');
    if (status === undefined || end < 0) return null;
    at = end + 4;
    if (!status.startsWith('1')) return Number(status) === statusCode ? bytes.subarray(at) : null;
  }
}

/** Whether a response has a body in the chunked coding and in no other. */
export function hasChunkedBody(method: string, statusCode: number, headers: ResponseHeaders): boolean {
  if (method === 'HEAD' || statusCode === 204 || statusCode === 304) return false;
  const coding = headers['transfer-encoding'];
  return (
    typeof coding === 'string' &&
    coding.toLowerCase() === 'chunked' &&
    headers['content-length'] === undefined
  );
}
