import { describe, expect, it } from 'vitest';
import { AddressRules } from '../../src/webhooks/address-rules.ts';
import { urlFault } from '../../src/webhooks/webhook-url.ts';

const nobody = new AddressRules([]);

describe('addresses that webhooks may go to', () => {
  it.each(['8.8.8.8', '2001:4860:4860::8888', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'])('%s is public', (ip) => {
    expect(nobody.refusal(ip)).toBeNull();
  });

  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['10.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['fd00:ec2::254', 'private'],
    ['100.64.0.1', 'shared (CGNAT)'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['168.63.129.16', 'metadata'],
    ['198.18.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['203.0.113.9', 'documentation'],
    ['2001:db8::1', 'documentation'],
    // An IPv4 address inside an IPv6 one is what counts.
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['64:ff9b::169.254.169.254', 'link-local'],
    ['64:ff9b::a00:1', 'private'],
    ['64:ff9b:1::a00:1', 'reserved'],
    ['2002:7f00:1::', 'reserved'],
    ['2001:0:7f00:1::', 'reserved'],
    ['::7f00:1', 'reserved'],
    ['no address', 'reserved'],
  ])('%s is refused as %s', (ip, kind) => {
    expect(nobody.refusal(ip)).toBe(kind);
  });

  it('are also those that the operator allows, and no other of the same kind', () => {
    const rules = new AddressRules(['10.1.0.0/16', '127.0.0.2', 'fd00::/16']);
    expect(['10.1.2.3', '127.0.0.2', '::ffff:10.1.2.3', 'fd00::1'].map((ip) => rules.refusal(ip))).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(['10.2.0.1', '127.0.0.1', 'fd01::1'].map((ip) => rules.refusal(ip))).toEqual([
      'private',
      'loopback',
      'private',
    ]);
  });
});

describe('URLs that webhooks may go to', () => {
  const fault = (url: string, allowHttp = false) => urlFault(url, { addresses: nobody, allowHttp });

  it('begin with https://, or with http:// where that is allowed', () => {
    expect(fault('https://example.com/hook?x=1')).toBeNull();
    expect(fault('http://example.com/hook')).toContain('https://');
    expect(fault('http://example.com/hook', true)).toBeNull();
    expect(fault('ftp://example.com/hook', true)).toContain('https://');
    expect(fault('example.com/hook')).toContain('is none');
  });

  it.each([
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    // Forms that WHATWG's parser reads as 127.0.0.1.
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://①②⑦.0.0.1/',
  ])('are not an address that is refused: %s', (url) => {
    expect(fault(url)).toContain('loopback');
  });

  it('hold no password and are not endless', () => {
    expect(fault('https://user:secret@example.com/')).toContain('password');
    expect(fault(`https://example.com/${'a'.repeat(2_048)}`)).toContain('2048');
  });
});
