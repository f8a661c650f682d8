import type { LaneHead } from '../../src/relay/traffic.ts';

/** The head that a lane makes of a request in HTTP/1, sent as UTF-8 by 10.1.2.3:40114. */
export function headOf(request: string): LaneHead {
  const [head = ''] = Buffer.from(request).toString('latin1').split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const [method = '', target = '', version = ''] = first.split(' ');
  const fields = lines.flatMap((line) => {
    const at = line.indexOf(':');
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  });
  const field = (name: string) => (fields.includes(name) ? fields[fields.indexOf(name) + 1] : undefined);
  return {
    version: version === 'HTTP/1.0' ? '1.0' : '1.1',
    method,
    target,
    authority: field('host') ?? '',
    fields,
    peer: { address: '10.1.2.3', port: 40_114, isTls: false },
    upgrade: null,
    bodyBytes: field('transfer-encoding') === undefined ? Number(field('content-length') ?? 0) : null,
  };
}
