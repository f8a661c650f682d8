import { BlockList } from 'node:net';
import { embeddedIpv4, versionOf } from './ip-address.ts';

/** Networks of IPv4 that are not of the public internet (IANA's special-purpose registry), by what a refusal calls them. */
const specialIpv4: Readonly<Record<string, readonly string[]>> = {
  unspecified: ['0.0.0.0/8'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  'shared (CGNAT)': ['100.64.0.0/10'],
  loopback: ['127.0.0.0/8'],
  'link-local': ['169.254.0.0/16'],
  // Azure's host node, which serves metadata under an address that looks public.
  metadata: ['168.63.129.16/32'],
  reserved: ['192.0.0.0/24', '192.88.99.0/24', '198.18.0.0/15', '240.0.0.0/4'],
  documentation: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'],
  multicast: ['224.0.0.0/4'],
};

/** Of IPv6 only 2000::/3 is given out; of that, these are not of the public internet. */
const specialIpv6: Readonly<Record<string, readonly string[]>> = {
  loopback: ['::1/128'],
  unspecified: ['::/128'],
  'link-local': ['fe80::/10'],
  private: ['fc00::/7', 'fec0::/10'],
  multicast: ['ff00::/8'],
  // 2001::/23 holds Teredo, 2002::/16 is 6to4: both carry an IPv4 address inside.
  reserved: ['2001::/23', '2002::/16', '64:ff9b:1::/48', '100::/64', '5f00::/16'],
  documentation: ['2001:db8::/32', '3fff::/20'],
};

const globalIpv6 = listOf(['2000::/3']);
const kinds: readonly (readonly [string, BlockList])[] = [
  ...Object.entries(specialIpv4),
  ...Object.entries(specialIpv6),
].map(([kind, networks]) => [kind, listOf(networks)]);

/** Which addresses webhooks may go to: the public ones, and what the operator allows (addresses and networks in CIDR). */
export class AddressRules {
  readonly #allowed: BlockList;

  constructor(allow: readonly string[]) {
    this.#allowed = listOf(allow);
  }

  /** What an address is that webhooks do not go to (`loopback`, `private`, ...); null: they may. */
  refusal(address: string): string | null {
    const inner = embeddedIpv4(address);
    if (isIn(this.#allowed, address) || (inner !== null && isIn(this.#allowed, inner))) return null;
    const judged = inner ?? address;
    const found = kinds.find(([, list]) => isIn(list, judged));
    if (found !== undefined) return found[0];
    return versionOf(judged) === 4 || isIn(globalIpv6, judged) ? null : 'reserved';
  }
}

function isIn(list: BlockList, address: string): boolean {
  const version = versionOf(address);
  const [plain = ''] = address.split('%');
  return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [ip = '', bits] = network.split('/');
    const version = versionOf(ip);
    const [most, family] = version === 4 ? [32, 'ipv4' as const] : [128, 'ipv6' as const];
    list.addSubnet(ip, bits === undefined ? most : Number(bits), family);
  }
  return list;
}
