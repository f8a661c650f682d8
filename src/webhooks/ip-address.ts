import { isIPv4, isIPv6 } from 'node:net';

/** The eight 16-bit groups of an IPv6 address (RFC 4291, 2.2), its zone left out; null: it is none. */
function groupsOf(address: string): readonly number[] | null {
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return null;
  const [head = '', tail] = plain.split('::');
  const left = groups(head);
  if (tail === undefined) return left;
  const right = groups(tail);
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/**
 * The IPv4 address that packets to an IPv6 address end at: IPv4-mapped (RFC 4291, 2.5.5.2) and the well-known prefix of NAT64
 * (RFC 6052, 2.1). null: it stands for none.
 */
export function embeddedIpv4(address: string): string | null {
  const all = groupsOf(address);
  if (all === null) return null;
  const prefix = all.slice(0, 6).join(':');
  if (prefix !== '0:0:0:0:0:65535' && prefix !== '100:65435:0:0:0:0') return null;
  const [high, low] = [all[6]!, all[7]!];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** 4, 6, or 0 for what is no address; a zone (`fe80::1%eth0`) is no hindrance. */
export function versionOf(address: string): 0 | 4 | 6 {
  if (isIPv4(address)) return 4;
  return groupsOf(address) === null ? 0 : 6;
}
