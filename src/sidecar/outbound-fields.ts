import type { FlatHeaders } from '../forward/headers.ts';
import type { LaneHead } from '../relay/traffic.ts';
import { forwardedOf } from './forwarded.ts';
import type { RequestFacts } from './request-facts.ts';

/**
 * The fields that the app gets: without the activator's revision headers and, where the host is restored from it,
 * K-Original-Host; with the client's address in X-Forwarded-For (httputil.ReverseProxy) and a `Forwarded` made of
 * X-Forwarded-* where there is none.
 */
export function outboundFields(head: LaneHead, facts: RequestFacts): FlatHeaders {
  const { fields } = head;
  const out: FlatHeaders = [];
  const restoresHost = facts.originalHost !== '' && !facts.isKubeletProbe;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name.length >= 9 && isReplaced(name, facts, restoresHost)) continue;
    out.push(name, fields[i + 1]!);
  }
  if (facts.forwarded === '') {
    const forwarded = forwardedOf(facts);
    if (forwarded !== '') out.push('forwarded', forwarded);
  }
  const address = plainAddress(head.peer.address);
  const before = facts.forwardedForAll;
  // A socket that is closed by now has no address any more.
  const all = before === '' || address === '' ? before + address : `${before}, ${address}`;
  if (all !== '') out.push('x-forwarded-for', all);
  return out;
}

function isReplaced(name: string, facts: RequestFacts, restoresHost: boolean): boolean {
  switch (name.length) {
    case 9:
      // One that is there and empty is as good as none.
      return name === 'forwarded' && facts.forwarded === '';
    case 15:
      return name === 'x-forwarded-for' || (restoresHost && name === 'k-original-host');
    case 24:
      return name === 'knative-serving-revision';
    case 25:
      return name === 'knative-serving-namespace';
    default:
      return false;
  }
}

const mapped = '::ffff:';

/** Of a socket that takes both families, an address of IPv4 without what marks it as one of IPv6. */
export function plainAddress(address: string): string {
  return address.startsWith(mapped) ? address.slice(mapped.length) : address;
}
